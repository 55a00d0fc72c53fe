/**
 * Any file as rows of bytes.
 */
import { Binary, Data, Field, Schema } from 'apache-arrow';
import { newBatch } from '../src/columns.js';
import { checked, integer, text } from '../src/options.js';
import type { Source } from '../src/source.js';
import { ByteReader } from './byte-reader.js';
import {
  type CompressionMethod,
  compressionOption,
  decompressed,
  type FileCompression,
  passedOver,
} from './compression.js';
import { type InputFile, withInputFile } from './input-file.js';
import { integersAt } from './position.js';

export interface BytesFileOptions {
  /** Bytes in a row; the last row has what is left. 1 … 2^30, default 1 MiB. */
  readonly blockBytes?: number;
  /** What the file is compressed by; its rows are of what it stands for. Default 'none', whatever its name. */
  readonly compression?: FileCompression;
}

/** A row holds 32-bit offsets. */
const MOST_BLOCK_BYTES = 2 ** 30;
const READ_BYTES = 2 ** 18;
const schema = new Schema([new Field('bytes', new Binary(), false)]);

/**
 * One Binary column `bytes`, one block a row and one row a batch. An empty file is a batch of no rows. The position is
 * a place in the file, in bytes.
 */
export function bytesFile(path: string, options: BytesFileOptions = {}): Source<'exactly once'> {
  const { blockBytes, compression } = checked('bytesFile', options, [], () => {
    text({ path });
    return {
      compression: compressionOption(options.compression, path, 'none'),
      blockBytes: integer({ blockBytes: options.blockBytes ?? 2 ** 20 }, 1, MOST_BLOCK_BYTES),
    };
  });
  const who = `bytesFile '${path}'`;
  return {
    name: 'bytesFile',
    guarantee: 'exactly once',
    async *read(from, signal) {
      let { bytes } = from === undefined ? { bytes: 0 } : integersAt(who, from, ['bytes']);
      yield* withInputFile(who, path, async function* (file) {
        for await (const block of blocksOf(who, file, compression, bytes, blockBytes, signal)) {
          bytes += block.length;
          const isKnown = file.isSeekable && compression === 'none';
          yield {
            batch: bytesBatch([block]),
            next: { bytes },
            ...(isKnown && { fraction: bytes / file.size }),
          };
        }
        if (bytes === 0 && from === undefined) yield { batch: bytesBatch([]), next: { bytes } };
      });
    },
  };
}

/** The bytes behind the first `offset`, in blocks of exactly `blockBytes`; the last one may be shorter. */
async function* blocksOf(
  who: string,
  file: InputFile,
  compression: CompressionMethod,
  offset: number,
  blockBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') return yield* file.blocks(offset, blockBytes, signal);
  const packed = file.blocks(0, READ_BYTES, signal);
  const reader = new ByteReader(passedOver(decompressed(who, compression, packed), offset));
  try {
    for (;;) {
      const block = await reader.take(blockBytes);
      if (block.length > 0) yield block;
      if (block.length < blockBytes) return;
    }
  } finally {
    await reader.stop();
  }
}

function bytesBatch(rows: readonly Uint8Array[]) {
  const block = rows[0] ?? new Uint8Array(0);
  const offsets = Int32Array.of(0, ...rows.map(({ length }) => length));
  const column = new Data(new Binary(), 0, rows.length, 0, [offsets, block] as never);
  return newBatch(schema, rows.length, [column]);
}
