/**
 * Which files a pattern names, in order, and where a file is that was renamed.
 */
import { reason, sourceFailed } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';

/** A file as it is now. */
export interface FileState {
  readonly bytes: number;
  /** What stays when a file is renamed: its number in the file system. */
  readonly node: string;
}

/** Characters that make a pattern of a path. */
const PATTERN = /[*?[\]{}()!+@]/;

/** The files that a pattern names, in the order of their names. Unfinished files of our own sinks are no files yet. */
export async function listed(who: string, pattern: string): Promise<string[]> {
  if (!PATTERN.test(pattern)) return (await stateOf(who, pattern)) === undefined ? [] : [pattern];
  const { glob } = await optionalPeer(who, 'tinyglobby', () => import('tinyglobby'));
  const { isAbsolute } = await import('node:path');
  try {
    const names = await glob(pattern, { absolute: isAbsolute(pattern), expandDirectories: false });
    return names.filter((name) => !name.endsWith('.partial')).sort(byName);
  } catch (error) {
    throw sourceFailed(who, 'listing files', 'a directory that can be read', reason(error), error);
  }
}

/** The order of names: by their characters, numbers in them by value (`part-2` before `part-10`). */
export function byName(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!];
    if (x !== y) return compared(x, y) || (x < y ? -1 : 1);
  }
  return left.length - right.length;
}

const parts = (name: string): string[] => name.match(/\d+|\D+/g) ?? [];

function compared(x: string, y: string): number {
  if (!/^\d/.test(x) || !/^\d/.test(y)) return 0;
  const difference = BigInt(x) - BigInt(y);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The file's size and number; undefined where there is none. */
export async function stateOf(who: string, path: string): Promise<FileState | undefined> {
  const { stat } = await import('node:fs/promises');
  try {
    const { size, ino } = await stat(path, { bigint: true });
    return { bytes: Number(size), node: `${ino}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw sourceFailed(who, `file '${path}'`, 'a file that can be looked at', reason(error), error);
  }
}

/** The file of that number beside `path`, whatever its name is now. */
export async function renamed(who: string, path: string, node: string): Promise<string | undefined> {
  const [{ readdir }, { dirname, join }] = await Promise.all([
    import('node:fs/promises'),
    import('node:path'),
  ]);
  const directory = dirname(path);
  for (const name of await readdir(directory).catch(() => [])) {
    const other = join(directory, name);
    if ((await stateOf(who, other))?.node === node) return other;
  }
  return undefined;
}
