/**
 * What a decoder must know of a stream of bytes before its first frame: which model, how many of them, frames how long.
 */
import { crc32c } from '../../src/checksum.js';
import { corruptInput } from '../../src/errors.js';
import { describeLayout, layoutOf } from '../../src/layout.js';
import { integer, oneOf } from '../../src/options.js';
import { type ModelOptions, modelConstants, modelSlots } from './byte-model.js';
import { pushVarint, readVarint } from './container.js';

const PARTS = ['both', 'ngrams', 'ssm'] as const;

/** Raised when the same parameters and constants come to mean another arithmetic. */
const MODEL_VERSION = 1;

export const STREAMS_MAX = 64;
export const FRAME_BYTES_MIN = 64;
export const FRAME_BYTES_MAX = 2 ** 24;

export interface StreamParameters extends Required<ModelOptions> {
  /** Models that the blocks of the input are dealt to in turns. */
  readonly streams: number;
  /** A frame ends at each multiple of so many bytes of the input, and may end before. */
  readonly frameBytes: number;
}

/** The parameters with their defaults, each checked: OPTION_RANGE. */
export function checkParameters(options: Partial<StreamParameters>): StreamParameters {
  const streams = integer({ streams: options.streams ?? 1 }, 1, STREAMS_MAX);
  // Where blocks are dealt to several streams, shorter ones keep all of them busy with shorter inputs.
  const frameBytes = options.frameBytes ?? (streams === 1 ? 2 ** 20 : 2 ** 18);
  return {
    level: integer({ level: options.level ?? 5 }, 1, 9),
    tableShift: integer({ tableShift: options.tableShift ?? 0 }, 0, 14),
    parts: oneOf({ parts: options.parts ?? 'both' }, PARTS),
    streams,
    frameBytes: integer({ frameBytes }, FRAME_BYTES_MIN, FRAME_BYTES_MAX),
  };
}

export function encodeParameters(parameters: StreamParameters): Uint8Array {
  const { level, tableShift, parts, streams, frameBytes } = parameters;
  const bytes = [level, tableShift, PARTS.indexOf(parts), streams];
  pushVarint(bytes, frameBytes);
  return Uint8Array.from(bytes);
}

/** The parameters in a header; CORRUPT_INPUT where one is out of its range. */
export function decodeParameters(who: string, bytes: Uint8Array): StreamParameters {
  const [level = 0, tableShift = 0, parts = 0, streams = 0] = bytes;
  const frameBytes = readVarint(who, bytes, 4);
  if (frameBytes?.next !== bytes.length) {
    throw corruptInput(who, 'parameters', 'four bytes and an integer', `${bytes.length} bytes`);
  }
  try {
    return checkParameters({
      level,
      tableShift,
      parts: PARTS[parts]!,
      streams,
      frameBytes: frameBytes.value,
    });
  } catch (error) {
    throw corruptInput(
      who,
      'parameters',
      'level, tables, parts, streams and frames in their ranges',
      `${bytes}`,
      {},
      error,
    );
  }
}

/** The stream that the block at a byte of the input belongs to. */
export const streamAt = ({ streams, frameBytes }: StreamParameters, rawBytes: number): number =>
  Math.floor(rawBytes / frameBytes) % streams;

/** Bytes from a byte of the input to where its block ends. */
export const blockLeft = ({ frameBytes }: StreamParameters, rawBytes: number): number =>
  frameBytes - (rawBytes % frameBytes);

/** Bytes of a frame that a model looks at before it may give the rest up as not worth coding. */
export const probeBytes = ({ frameBytes }: StreamParameters): number =>
  Math.min(16_384, Math.floor(frameBytes / 4));

/** What the model of these parameters computes with: a decoder whose fingerprint differs is another decoder. */
export function fingerprint(parameters: StreamParameters): number {
  const words = `${MODEL_VERSION} ${describeLayout(modelSlots(parameters))}`;
  return Object.values(modelConstants(parameters)).reduce(
    (checksum, { buffer, byteOffset, byteLength }) =>
      crc32c(new Uint8Array(buffer, byteOffset, byteLength), checksum),
    crc32c(new TextEncoder().encode(words)),
  );
}

/** Bytes that a decoder of these parameters takes: models, their constants, and a frame on its way through each. */
export function decoderBytes(parameters: StreamParameters): number {
  const constants = Object.values(modelConstants(parameters)).reduce(
    (sum, { byteLength }) => sum + byteLength,
    0,
  );
  const { byteLength } = layoutOf(modelSlots(parameters));
  return parameters.streams * (byteLength + constants + 2 * parameters.frameBytes);
}
