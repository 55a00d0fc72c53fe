/**
 * Compressed files: by which method, and what they stand for.
 */
import { corruptInput, DataflowError, reason, truncatedInput } from '../src/errors.js';
import { oneOf } from '../src/options.js';
import { zstdDecompressed } from './zstd.js';

/** `auto` goes by the name: `.gz` is gzip, `.zst` is zstd, any other is not compressed. */
export type FileCompression = 'auto' | 'none' | 'gzip' | 'zstd';

export type CompressionMethod = Exclude<FileCompression, 'auto'>;

/** Option `compression`, decided for a path; what has no path is not compressed unless it is said. */
export function compressionOption(
  compression: FileCompression | undefined,
  path: unknown,
  byDefault: FileCompression = 'auto',
): CompressionMethod {
  const choices = ['auto', 'none', 'gzip', 'zstd'] as const;
  const chosen = oneOf({ compression: compression ?? byDefault }, choices);
  if (chosen !== 'auto') return chosen;
  if (typeof path !== 'string') return 'none';
  return path.endsWith('.gz') ? 'gzip' : path.endsWith('.zst') ? 'zstd' : 'none';
}

/** What compressed chunks stand for, a bounded piece at a time. */
export function decompressed(
  who: string,
  method: CompressionMethod,
  chunks: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  if (method === 'gzip') return gunzipped(who, chunks);
  return method === 'zstd' ? zstdDecompressed(who, chunks) : chunks;
}

/** Gzip members one behind the other are one stream, as for gzip itself. */
async function* gunzipped(who: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const [{ pipeline, Readable }, { createGunzip }] = await Promise.all([
    import('node:stream'),
    import('node:zlib'),
  ]);
  const gunzip = createGunzip();
  // What goes wrong is thrown to the reader below.
  pipeline(Readable.from(chunks), gunzip, () => {});
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (error) {
    if (error instanceof DataflowError || !isZlibError(error)) throw error;
    if (error.code === 'Z_BUF_ERROR')
      throw truncatedInput(who, 'gzip data', 'the end of a member', `the end at byte ${gunzip.bytesWritten}`);
    throw corruptInput(who, 'gzip data', 'members that fit', reason(error), {}, error);
  }
}

const isZlibError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');

/** The chunks behind the first `bytes` bytes. */
export async function* passedOver(
  chunks: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of chunks) {
    const passed = Math.min(left, chunk.length);
    left -= passed;
    if (passed < chunk.length) yield chunk.subarray(passed);
  }
}
