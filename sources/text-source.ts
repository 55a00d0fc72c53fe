/**
 * A source of rows in text: a file, which may be compressed or still grow, or bytes from anywhere else.
 */
import type { Source } from '../src/source.js';
import { type CompressionMethod, decompressed, type FileCompression, passedOver } from './compression.js';
import type { GrowingSource } from './growing.js';
import { inputName, type SeekableInput, type TextInput, textChunks, textGuarantee } from './text-input.js';
import { type TextReading, type TextRowsOptions, textRows } from './text-rows.js';

export interface TextFileOptions extends TextRowsOptions {
  /**
   * How the input is compressed. Default `auto`: a path by its ending, `.gz` (gzip) or `.zst` (zstd: install zstd-codec);
   * anything else is not. Reading on from a position decompresses what is before it again.
   */
  readonly compression?: FileCompression;
}

/** The source that reads `input` as one format's rows. A file that is not compressed can be read while it grows. */
export function textSource<Row extends object>(
  name: string,
  input: TextInput,
  compression: CompressionMethod,
  format: Pick<TextReading<Row>, 'who' | 'begin' | 'options'>,
): Source<'exactly once' | 'at most once'> {
  const reading = { ...format, input: uncompressed(format.who, input, compression) };
  const source: Source<'exactly once' | 'at most once'> = {
    name,
    guarantee: textGuarantee(input),
    read: (from, signal) => textRows(reading, from, signal),
  };
  if (typeof input !== 'string' || compression !== 'none') return source;
  const growing: GrowingSource<'exactly once' | 'at most once'> = {
    ...source,
    readGrown: (from, signal) => textRows({ ...reading, isGrowing: true }, from, signal),
  };
  return growing;
}

/** What an input stands for. Positions count its uncompressed bytes: those before one are decompressed and passed over. */
function uncompressed(
  who: string,
  input: TextInput,
  compression: CompressionMethod,
): TextInput | SeekableInput {
  if (compression === 'none') return input;
  return {
    name: inputName(input),
    chunks: (offset, signal) =>
      passedOver(decompressed(who, compression, textChunks(who, input, 0, signal)), offset),
  };
}
