/**
 * A file opened for reading. Whatever the system refuses is told as SOURCE_FAILED, with the path.
 */
import type { FileHandle } from 'node:fs/promises';
import { DataflowError, reason, sourceFailed, truncatedInput } from '../src/errors.js';

/** One read call asks for no more than this, which every platform grants. */
const MOST_READ_BYTES = 1 << 30;

export class InputFile {
  readonly #who: string;
  readonly #handle: FileHandle;
  /** Bytes in the file; 0 for what is no regular file, such as a pipe. */
  readonly size: number;
  /** Whether it can be read at any place. */
  readonly isSeekable: boolean;

  constructor(who: string, handle: FileHandle, size: number, isSeekable: boolean) {
    this.#who = who;
    this.#handle = handle;
    this.size = size;
    this.isSeekable = isSeekable;
  }

  /** Exactly `length` bytes from `offset` on, in memory of their own. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = await this.#readInto(bytes.subarray(filled, filled + MOST_READ_BYTES), offset + filled);
      if (count === 0) throw truncatedInput(this.#who, 'bytes', `${length} at ${offset}`, `${filled}`);
      filled += count;
    }
    return bytes;
  }

  /** The bytes from `offset` to the end, in blocks of exactly `blockBytes` (the last one may be shorter). */
  async *blocks(
    offset: number,
    blockBytes: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let toSkip = this.isSeekable ? 0 : offset;
    let at = this.isSeekable ? offset : null;
    for (;;) {
      const block = new Uint8Array(blockBytes);
      let filled = 0;
      while (filled < blockBytes) {
        signal.throwIfAborted();
        const count = await this.#readInto(block.subarray(filled), at);
        if (count === 0) break;
        if (at !== null) at += count;
        const skipped = Math.min(toSkip, count);
        toSkip -= skipped;
        if (skipped > 0) block.copyWithin(filled, filled + skipped, filled + count);
        filled += count - skipped;
      }
      if (filled > 0) yield block.subarray(0, filled);
      if (filled < blockBytes) return;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #readInto(bytes: Uint8Array, at: number | null): Promise<number> {
    try {
      return (await this.#handle.read(bytes, 0, bytes.length, at)).bytesRead;
    } catch (error) {
      throw sourceFailed(this.#who, 'reading the file', 'bytes', reason(error), error);
    }
  }
}

/** Opens a file for reading. */
async function openInputFile(who: string, path: string): Promise<InputFile> {
  const { open } = await import('node:fs/promises');
  try {
    const handle = await open(path, 'r');
    const stat = await handle.stat();
    return new InputFile(who, handle, stat.isFile() ? stat.size : 0, stat.isFile());
  } catch (error) {
    throw sourceFailed(who, 'opening the file', 'a readable file', reason(error), error);
  }
}

/** Reads from a file that is closed at the end, however that comes; errors say which file it was. */
export async function* withInputFile<T>(
  who: string,
  path: string,
  read: (file: InputFile) => AsyncIterable<T>,
): AsyncGenerator<T> {
  let file: InputFile | undefined;
  try {
    file = await openInputFile(who, path);
    yield* read(file);
  } catch (error) {
    throw error instanceof DataflowError ? error.within({ file: path }) : error;
  } finally {
    await file?.close();
  }
}
