/**
 * Where the bytes of a file command come from and go to: files, or standard input and output for `-`.
 */
import { createReadStream, type Stats } from 'node:fs';
import { chmod, open, stat, utimes } from 'node:fs/promises';
import { openOutput } from '../../../sinks/byte-output.js';
import { OutputFile } from '../../../sinks/output-file.js';
import { chunksOf } from '../../../sources/byte-input.js';
import { reason, sinkFailed, sourceFailed } from '../../errors.js';

export const STANDARD = '-';
const TELLING_BYTES = 16;

export interface Input {
  /** As messages call it. */
  readonly name: string;
  /** What the system knows of the file; undefined for standard input. */
  readonly stats: Stats | undefined;
  /** The first bytes, enough to tell what it is. */
  readonly first: Uint8Array;
  /** All bytes, the first ones too. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Bytes that were read so far. */
  readonly count: number;
  /** Lets go of it, read or not. */
  close(): Promise<void>;
}

export async function openInput(who: string, path: string, signal: AbortSignal): Promise<Input> {
  const isStandard = path === STANDARD;
  const name = isStandard ? 'standard input' : path;
  const stats = isStandard ? undefined : await statsOf(who, path);
  const source = isStandard ? process.stdin : createReadStream(path, { highWaterMark: 2 ** 16 });
  const chunks = chunksOf(`${who} '${name}'`, source, signal);
  const first = await firstOf(chunks);
  const close = async () => void (await chunks.return(undefined));
  let count = 0;
  async function* counted() {
    for await (const bytes of withFirst(first, chunks)) {
      count += bytes.length;
      yield bytes;
    }
  }
  return {
    name,
    stats,
    first,
    bytes: counted(),
    get count() {
      return count;
    },
    close,
  };
}

/** The first bytes of a file, fewer where it is shorter or cannot be read. */
export async function firstBytes(path: string, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const file = await open(path).catch(() => undefined);
  try {
    const { bytesRead = 0 } = (await file?.read(bytes, 0, length, 0)) ?? {};
    return bytes.subarray(0, bytesRead);
  } finally {
    await file?.close();
  }
}

export async function statsOf(who: string, path: string): Promise<Stats> {
  const stats = await stat(path).catch((error: unknown) => {
    throw sourceFailed(who, `file '${path}'`, 'one that can be read', reason(error), error);
  });
  if (stats.isDirectory()) throw sourceFailed(who, `file '${path}'`, 'a file', 'a directory');
  return stats;
}

/** At least as many bytes as tell what a file is, unless it has fewer. */
async function firstOf(chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let length = 0; length < TELLING_BYTES; ) {
    const { value, done } = await chunks.next();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  return parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts));
}

async function* withFirst(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  yield* rest;
}

/** Takes bytes; what is behind it is complete once `finish` has returned, and gone after `abandon`. */
export interface Output {
  readonly name: string;
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  abandon(): Promise<void>;
}

export async function openOutputAt(
  who: string,
  path: string,
  overwrite: boolean,
  signal: AbortSignal,
): Promise<Output> {
  if (path === STANDARD) {
    const output = openOutput(who, undefined, signal);
    return {
      name: 'standard output',
      write: (bytes) => output.write(bytes),
      finish: () => output.end(),
      abandon: () => output.stop(),
    };
  }
  if (!overwrite && (await stat(path).catch(() => undefined)) !== undefined) {
    throw sinkFailed(who, `output '${path}'`, 'a new file', 'one that is there (--force overwrites it)');
  }
  const file = await OutputFile.open(`${who} '${path}'`, path, overwrite, undefined);
  return {
    name: path,
    write: (bytes) => file.write(bytes),
    finish: () => file.finish(),
    abandon: () => file.abandon(false),
  };
}

/**
 * Lets `work` create files that nobody else can read, and then gives the output the mode and the modification time of the
 * input, or the usual mode where there is none.
 */
export async function withModeOf<T>(
  stats: Stats | undefined,
  output: string,
  work: () => Promise<T>,
): Promise<T> {
  const usual = process.umask(0o077);
  const result = await work().finally(() => process.umask(usual));
  if (output === STANDARD) return result;
  await chmod(output, stats === undefined ? 0o666 & ~usual : stats.mode & 0o777);
  if (stats !== undefined) await utimes(output, stats.atime, stats.mtime);
  return result;
}
