/**
 * Arrow IPC streams: from another process through a pipe, from a socket, from memory.
 */
import { optionRange } from '../src/errors.js';
import { checked, integer, oneOf } from '../src/options.js';
import type { Position, Source, Sourced } from '../src/source.js';
import { fileBatches } from './arrow-file.js';
import { isBareFile, PeekedChunks, wholeFile } from './bare-file.js';
import { batchPosition, DEFAULT_BATCH_ROWS } from './batch-slices.js';
import { type ByteInput, chunksOf, inputGuarantee, isByteInput, standardInput } from './byte-input.js';
import { ipcBatches } from './ipc-batches.js';

export interface ArrowStreamOptions {
  /** Most rows in a batch; larger ones are cut, without a copy. 1 … 2^31 − 1, default 65,536. */
  readonly batchRows?: number;
  /**
   * Whether the input must end with Arrow's end-of-stream marker. Without it nobody can tell a complete stream from
   * one whose writer died between two batches. Default 'required'.
   */
  readonly endMarker?: 'required' | 'optional';
  /** Most bytes that one message may take, as it comes and decompressed. Default 1 GiB. */
  readonly maxMessageBytes?: number;
}

const GIB = 2 ** 30;

/**
 * The batches of an Arrow IPC stream; of standard input when nothing is given. The Arrow *file* format is understood
 * as well, read from front to back; if its schema stands only in its footer, it is first read whole, up to
 * `maxMessageBytes`.
 *
 * The position counts batches, so resuming needs input that can be read again from its start: what is before the
 * position is passed over: exactly once then, and at most once where a stream is not sent again. Only one batch is in memory at a time. Streams one behind the other (`cat a b`) are read
 * as one if they have the same schema (COLUMN_TYPE otherwise); anything else behind the end marker is CORRUPT_INPUT.
 * View columns, as Polars writes them, come as Utf8 and Binary.
 */
export function arrowStream(
  input?: ByteInput,
  options: ArrowStreamOptions = {},
): Source<'exactly once' | 'at most once'> {
  const who = 'arrowStream';
  if (input !== undefined && !isByteInput(input)) {
    throw optionRange(who, 'input', 'bytes, a stream of bytes, or nothing for standard input', input);
  }
  const resolved = checked(who, options, [], () => arrowStreamOptions(options));
  return {
    name: who,
    guarantee: inputGuarantee(input),
    read: (from, signal) =>
      arrowBatches(who, chunksOf(who, input ?? standardInput(who), signal), resolved, from, signal),
  };
}

/** The options with their defaults. */
export const arrowStreamOptions = ({
  batchRows = DEFAULT_BATCH_ROWS,
  endMarker = 'required',
  maxMessageBytes = GIB,
}: ArrowStreamOptions): Required<ArrowStreamOptions> => ({
  batchRows: integer({ batchRows }, 1, 2 ** 31 - 1),
  endMarker: oneOf({ endMarker }, ['required', 'optional']),
  maxMessageBytes: integer({ maxMessageBytes }, 1, Number.MAX_SAFE_INTEGER),
});

/** The batches behind a position of bytes that begin at their start. */
export async function* arrowBatches(
  who: string,
  bytes: AsyncIterable<Uint8Array>,
  options: Required<ArrowStreamOptions>,
  from: Position | undefined,
  signal: AbortSignal,
): AsyncGenerator<Sourced> {
  const start = batchPosition(who, from);
  const chunks = new PeekedChunks(bytes);
  if (await isBareFile(who, chunks)) {
    const file = await wholeFile(who, chunks, options.maxMessageBytes);
    yield* fileBatches(who, file, start, options.batchRows, signal);
  } else yield* ipcBatches(who, chunks, start, options);
}
