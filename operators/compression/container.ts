/**
 * The container around compressed frames, as FORMAT.md describes it: a header, frames, an end. This is the writing side
 * and the shapes that both sides share; `container-reader.ts` reads.
 *
 * What is in a frame, and what its raw bytes are, is the matter of the content: a stream of bytes or of record batches.
 */

import { crc32c } from '../../src/checksum.js';
import { corruptInput } from '../../src/errors.js';

/** What the frames are made of; its place in this list is its number in the header, from 1. */
const CONTENTS = ['bytes', 'batches'] as const;
export type Content = (typeof CONTENTS)[number];

/** How a frame's payload stands for its raw bytes; its place in this list is its number in the frame, from 1. */
const KINDS = ['coded', 'stored', 'skipped'] as const;
export type FrameKind = (typeof KINDS)[number];

export interface Header {
  readonly content: Content;
  /** A fingerprint of the model that the parameters choose: a decoder with another model refuses. */
  readonly fingerprint: number;
  /** What a decoder must know before the first frame, at most 255 bytes; their meaning is the content's. */
  readonly parameters: Uint8Array;
}

export interface Frame {
  readonly kind: FrameKind;
  /** Bytes that the frame stands for, at least 1. */
  readonly rawLength: number;
  /** The raw bytes themselves, unless the frame is coded. */
  readonly payload: Uint8Array;
  /** CRC-32C of all raw bytes of the stream up to the end of this frame: frames cannot change places. */
  readonly checksum: number;
}

/** What the frames so far add up to; the end repeats it. */
export interface Totals {
  readonly frames: number;
  readonly rawBytes: number;
  readonly checksum: number;
}

export const NO_TOTALS: Totals = { frames: 0, rawBytes: 0, checksum: 0 };

/** 0x89 'C' 'W' '\n': no text begins so, and a transfer as text damages it. */
export const MAGIC = Uint8Array.of(0x89, 0x43, 0x57, 0x0a);
export const FORMAT_VERSION = 1;
export const END = 0;

/** Bytes of a header without its parameters. */
export const HEADER_BYTES = 15;
/** The most bytes before a frame's payload: kind, two lengths, checksum. */
export const FRAME_HEAD_BYTES_MAX = 21;

export function encodeHeader({ content, fingerprint, parameters }: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + parameters.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes[4] = FORMAT_VERSION;
  bytes[5] = 1 + CONTENTS.indexOf(content);
  view.setUint32(6, fingerprint, true);
  bytes[10] = parameters.length;
  bytes.set(parameters, 11);
  view.setUint32(11 + parameters.length, crc32c(bytes.subarray(0, -4)), true);
  return bytes;
}

export function encodeFrame({ kind, rawLength, payload, checksum }: Frame): Uint8Array {
  const head = [1 + KINDS.indexOf(kind)];
  pushVarint(head, rawLength);
  if (kind === 'coded') pushVarint(head, payload.length);
  pushUint32(head, checksum);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}

export function encodeEnd({ frames, rawBytes, checksum }: Totals): Uint8Array {
  const bytes = [END];
  pushVarint(bytes, rawBytes);
  pushVarint(bytes, frames);
  pushUint32(bytes, checksum);
  return Uint8Array.from(bytes);
}

/** The totals with one more frame. */
export const withFrame = ({ frames, rawBytes }: Totals, { rawLength, checksum }: Frame): Totals => ({
  frames: frames + 1,
  rawBytes: rawBytes + rawLength,
  checksum,
});

export const contentOf = (number: number): Content | undefined => CONTENTS[number - 1];
export const kindOf = (number: number): FrameKind | undefined => KINDS[number - 1];

/** Appends an unsigned integer of at most 53 bits, seven bits a byte, the lowest first. */
export function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

/** Bytes of the longest integer: 8 of seven bits hold 56. */
const VARINT_BYTES_MAX = 8;

/**
 * The integer at `at` and where the next byte is; undefined where the bytes end within it. There is one way to write
 * each integer, and any other is refused.
 */
export function readVarint(
  who: string,
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 127) * 128 ** i;
    if (byte < 128) {
      if (value > Number.MAX_SAFE_INTEGER || (byte === 0 && i > 0)) break;
      return { value, next: at + i + 1 };
    }
  }
  throw corruptInput(who, 'length', 'an integer below 2^53 in its shortest form', 'another sequence');
}

function pushUint32(bytes: number[], value: number): void {
  bytes.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}
