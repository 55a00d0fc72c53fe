/**
 * A file that appears whole or not at all.
 *
 * 1. Bytes go to `<path>.partial` beside the target, which becomes the target by a rename once everything is on disk.
 * 2. A position is the length of what is on disk, and a checksum of the bytes before it: enough to know the file again.
 * 3. To resume, the file is cut back to the position. If the process was killed after the rename, there is no partial
 *    file any more, and the target takes its place.
 *
 * Whatever goes wrong is SINK_FAILED, with the path.
 */
import type { FileHandle } from 'node:fs/promises';
import { integersAt } from '../sources/position.js';
import { crc32c } from '../src/checksum.js';
import { DataflowError, reason, sinkFailed } from '../src/errors.js';
import { reached } from '../src/fault-points.js';
import type { Position } from '../src/source.js';

/** What every sink that writes a file may be told. */
export interface OutputFileOptions {
  /** Whether an existing file at the path may be replaced. Default false: it is refused. */
  readonly overwrite?: boolean;
}

/** So many bytes before a position are in its checksum. */
const TAIL_BYTES = 4096;

export class OutputFile {
  readonly #who: string;
  readonly #path: string;
  readonly #overwrite: boolean;
  readonly #handle: FileHandle;
  #bytes = 0;

  private constructor(who: string, path: string, overwrite: boolean, handle: FileHandle) {
    this.#who = who;
    this.#path = path;
    this.#overwrite = overwrite;
    this.#handle = handle;
  }

  /** Opens the file anew, or cut back to a position that `position()` gave. */
  static async open(
    who: string,
    path: string,
    overwrite: boolean,
    resume: Position | undefined,
  ): Promise<OutputFile> {
    if (resume === undefined) {
      if (!overwrite) await refuseExisting(who, path);
      const handle = await attempt(who, 'creating the file', path, (fs) => fs.open(partial(path), 'w+'));
      return new OutputFile(who, path, overwrite, handle);
    }
    const { bytes, tail } = integersAt(who, resume, ['bytes', 'tail']);
    const isRenamed = !(await exists(partial(path)));
    if (!isRenamed && !overwrite) await refuseExisting(who, path);
    const place = isRenamed ? path : partial(path);
    const handle = await attempt(who, 'resuming the file', path, (fs) => fs.open(place, 'r+'));
    const file = new OutputFile(who, path, overwrite, handle);
    try {
      await file.#cutBack(bytes, tail, isRenamed);
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing was written yet. */
  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const rest = bytes.subarray(written);
      const at = this.#bytes;
      const result = await this.#attempt('writing', () => this.#handle.write(rest, 0, rest.length, at));
      written += result.bytesWritten;
      this.#bytes += result.bytesWritten;
    }
  }

  /** `length` bytes of what was written. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await this.#attempt('reading back', () =>
      this.#handle.read(bytes, 0, length, offset),
    );
    if (bytesRead === length) return bytes;
    throw sinkFailed(this.#who, `file '${this.#path}'`, `${length} bytes at ${offset}`, `${bytesRead}`);
  }

  /** Makes what was written durable. */
  async position(): Promise<Position> {
    reached('sink:before-sync');
    await this.#attempt('syncing', () => this.#handle.sync());
    reached('sink:after-sync');
    return { bytes: this.#bytes, tail: await this.#tail(this.#bytes) };
  }

  /** Puts the complete file into its place. */
  async finish(): Promise<void> {
    try {
      await this.#attempt('syncing', () => this.#handle.sync());
      if (!this.#overwrite) await refuseExisting(this.#who, this.#path);
    } finally {
      await this.#handle.close();
    }
    reached('sink:before-rename');
    await this.#attempt('renaming', (fs) => fs.rename(partial(this.#path), this.#path));
    reached('sink:after-rename');
    await this.#attempt('syncing the directory', () => syncDirectory(this.#path));
  }

  /** Closes the unfinished file, which stays for a later resume or goes. */
  async abandon(keep: boolean): Promise<void> {
    await this.#handle.close();
    if (!keep) await this.#attempt('removing', (fs) => fs.rm(partial(this.#path), { force: true }));
  }

  async #cutBack(bytes: number, tail: number, isRenamed: boolean): Promise<void> {
    const { size } = await this.#attempt('resuming', () => this.#handle.stat());
    const expected = `at least the ${bytes} bytes of the position`;
    if (size < bytes)
      throw sinkFailed(this.#who, `file '${this.#path}' to resume`, expected, `${size} bytes`);
    if ((await this.#tail(bytes)) !== tail) {
      throw sinkFailed(
        this.#who,
        `file '${this.#path}' to resume`,
        'the bytes that were written',
        'other bytes',
      );
    }
    if (isRenamed) await this.#attempt('resuming', (fs) => fs.rename(this.#path, partial(this.#path)));
    await this.#attempt('resuming', () => this.#handle.truncate(bytes));
    this.#bytes = bytes;
  }

  async #tail(bytes: number): Promise<number> {
    const length = Math.min(bytes, TAIL_BYTES);
    return crc32c(await this.read(bytes - length, length));
  }

  #attempt<T>(what: string, work: (fs: FileSystem) => Promise<T>): Promise<T> {
    return attempt(this.#who, `${what} the file`, this.#path, work);
  }
}

type FileSystem = typeof import('node:fs/promises');

const partial = (path: string) => `${path}.partial`;

async function attempt<T>(
  who: string,
  what: string,
  path: string,
  work: (fs: FileSystem) => Promise<T>,
): Promise<T> {
  try {
    return await work(await import('node:fs/promises'));
  } catch (error) {
    if (error instanceof DataflowError) throw error;
    throw sinkFailed(who, what, `'${path}' to be writable`, reason(error), error);
  }
}

async function exists(path: string): Promise<boolean> {
  const { access } = await import('node:fs/promises');
  return access(path).then(
    () => true,
    () => false,
  );
}

async function refuseExisting(who: string, path: string): Promise<void> {
  if (!(await exists(path))) return;
  throw sinkFailed(who, `file '${path}'`, 'a new file, or option overwrite', 'a file that exists');
}

/** A rename lasts only once the directory is on disk; systems that cannot sync one need not be asked to. */
async function syncDirectory(path: string): Promise<void> {
  const [{ open }, { dirname }, { platform }] = await Promise.all([
    import('node:fs/promises'),
    import('node:path'),
    import('node:process'),
  ]);
  if (platform === 'win32') return;
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
