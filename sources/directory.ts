/**
 * Files named by a pattern as one stream, and files to come.
 *
 * 1. Files are read one after the other in the order of their names, each to its end: so the rows behind a position are
 *    always the same ones in the same order.
 * 2. With `follow`, the last file may grow. A file that comes after it by name ends it, and is read next; a file whose
 *    name is before it comes too late and is an error.
 * 3. A followed file that was renamed, with a new one in its place, is read to its end under its new name first.
 */
import { DataflowError, optionRange } from '../src/errors.js';
import { checked, integer, oneOf } from '../src/options.js';
import type { Guarantee, Source } from '../src/source.js';
import { DirectoryReading, type Following } from './directory-reading.js';

export interface DirectoryOptions {
  /** Waits for more rows and files at the end. Default: the stream ends with the last file. */
  readonly follow?: FollowOptions;
}

export interface FollowOptions {
  /** Milliseconds between two looks at the directory. 10 … 2^31 − 1. */
  readonly pollMs: number;
  /** Ends the stream once nothing new has come for so many milliseconds, 1 … 2^31 − 1. Default: never. */
  readonly idleMs?: number;
  /**
   * What becomes of a followed file that was cut off, or replaced and is nowhere to be found, so that rows may have been
   * lost: an error (`fail`, the default), or what stands there now is read from its start (`restart`).
   */
  readonly replaced?: 'fail' | 'restart';
}

const MOST_MS = 2 ** 31 - 1;

/**
 * The rows of all files that `pattern` names: a path, or a pattern with `*`, `**`, `?`, `[…]`, `{…,…}` (install
 * tinyglobby), relative to the working directory. `source` makes the source of one file: `directory('in/*.csv', csvFile)`.
 * Names are ordered by their characters, numbers in them by value (`part-2` before `part-10`); `*.partial` is passed over.
 *
 * All files must have the schema of the first (COLUMN_TYPE, with the file): where types are inferred, name them. The
 * position is a file and the position inside of it. Without `follow`, no file at all is SOURCE_FAILED.
 *
 * Followed, CSV and JSON lines are read line by whole line as they grow, the last line once the next file is there (or
 * `idleMs` is over). Files of other formats must be whole when they appear: write them under another name and rename them.
 * Names must sort in the order of time: a file that appears with a name before the one that is read is SOURCE_FAILED, and
 * what is appended to a file after the next one has come is not seen.
 */
export function directory<G extends Guarantee>(
  pattern: string,
  source: (path: string) => Source<G>,
  options: DirectoryOptions = {},
): Source<G> {
  const who = 'directory';
  if (typeof pattern !== 'string' || pattern === '')
    throw optionRange(who, 'pattern', 'a path or pattern', pattern);
  if (typeof source !== 'function')
    throw optionRange(who, 'source', 'a function from a path to a source', source);
  const { follow } = checked(who, options, ['follow'], () => ({ follow: followOption(options.follow) }));
  const guarantee = guaranteeOf(pattern, source);
  return {
    name: who,
    ...(guarantee !== undefined && { guarantee }),
    read: (from, signal) =>
      new DirectoryReading(`${who} '${pattern}'`, pattern, source, follow, from, signal).batches(),
  };
}

function followOption(follow: FollowOptions | undefined): Following | undefined {
  if (follow === undefined) return undefined;
  const { pollMs, idleMs, replaced = 'fail' } = follow ?? {};
  return {
    pollMs: integer({ 'follow.pollMs': pollMs }, 10, MOST_MS),
    idleMs:
      idleMs === undefined ? Number.POSITIVE_INFINITY : integer({ 'follow.idleMs': idleMs }, 1, MOST_MS),
    replaced: oneOf({ 'follow.replaced': replaced }, ['fail', 'restart'] as const),
  };
}

/** The guarantee of the sources to come, which are all alike. Options that are wrong show at once. */
function guaranteeOf<G extends Guarantee>(
  pattern: string,
  source: (path: string) => Source<G>,
): G | undefined {
  try {
    return source(pattern).guarantee;
  } catch (error) {
    if (error instanceof DataflowError) throw error;
    return undefined;
  }
}
