/**
 * Cuts a stream of bytes into frames and codes them while the bytes arrive.
 *
 * 1. A frame ends at each multiple of `frameBytes` of the input: where frames lie depends on the bytes alone.
 * 2. The model codes each byte as it comes. A frame that coding did not make smaller is stored.
 * 3. Where the first bytes of a frame (the probe) were not made smaller by a 64th, the model sees no more of it: the frame is
 *    skipped. It is twice a probe long, twice as long again with each skipped frame before it, so that data that cannot be
 *    compressed passes quickly and data that can is not missed for long.
 *
 * All that is known between two bytes lies in slots.
 */
import { crc32c } from '../../src/checksum.js';
import { f64, i32, u8, type Views } from '../../src/layout.js';
import type { Frame, FrameKind, Totals } from './container.js';
import type { ByteModel } from './model-at-work.js';
import { blockLeft, probeBytes, type StreamParameters, streamAt } from './parameters.js';

/** A saving below one part in so many is none. */
const WORTH = 64;

/** The frame on its way: its raw bytes, its coded ones, and how many there are of each. */
export const writerSlots = ({ frameBytes, streams }: StreamParameters) => ({
  raw: u8(frameBytes),
  coded: u8(frameBytes),
  frame: i32(3),
  skips: i32(streams),
  totals: f64(3),
});

type Writing = Views<ReturnType<typeof writerSlots>>;

/** Where things are in `frame`: bytes so far, bytes they were coded to, and the length of a frame that is skipped. */
const LENGTH = 0;
const CODED = 1;
const SKIPPED = 2;

export class FrameWriter {
  readonly #parameters: StreamParameters;
  readonly #slots: Writing;
  readonly #modelOf: (stream: number) => ByteModel;
  readonly #probe: number;

  /** `modelOf` gives the model of a stream; slots and models may hold the state of an earlier writer. */
  constructor(parameters: StreamParameters, slots: Writing, modelOf: (stream: number) => ByteModel) {
    this.#parameters = parameters;
    this.#slots = slots;
    this.#modelOf = modelOf;
    this.#probe = probeBytes(parameters);
  }

  /** What the finished frames add up to. */
  get totals(): Totals {
    const [frames, rawBytes, checksum] = this.#slots.totals as unknown as [number, number, number];
    return { frames, rawBytes, checksum };
  }

  /** Bytes that the frame on its way has come to so far. */
  get waiting(): number {
    const { frame } = this.#slots;
    return frame[SKIPPED]! > 0 ? frame[LENGTH]! : frame[CODED]!;
  }

  /** Takes bytes `from` … `to - 1`; a frame is handed out when complete, its payload a view until the next call. */
  write(bytes: Uint8Array, from: number, to: number, emit: (frame: Frame) => void): void {
    const { raw, frame } = this.#slots;
    for (let at = from; at < to; ) {
      const length = frame[LENGTH]!;
      const count = Math.min(to - at, this.#nextStop(length) - length);
      raw.set(bytes.subarray(at, at + count), length);
      at += count;
      this.#take(length, length + count);
      if (frame[LENGTH] === this.#end()) this.finish(emit);
    }
  }

  /** Ends the frame on its way, if there is one. */
  finish(emit: (frame: Frame) => void): void {
    const { raw, coded, frame, skips, totals } = this.#slots;
    const length = frame[LENGTH]!;
    if (length === 0) return;
    const stream = this.#stream();
    const codedLength = this.#modelOf(stream).finish(coded, frame[CODED]!);
    const isSkipped = frame[SKIPPED]! > 0;
    const kind: FrameKind = isSkipped ? 'skipped' : codedLength < length ? 'coded' : 'stored';
    skips[stream] = isSkipped ? Math.min(skips[stream]! + 1, MOST_DOUBLINGS) : 0;
    totals[2] = crc32c(raw.subarray(0, length), totals[2]!);
    totals[1]! += length;
    totals[0]!++;
    frame.fill(0);
    const payload = kind === 'coded' ? coded.subarray(0, codedLength) : raw.subarray(0, length);
    emit({ kind, rawLength: length, payload, checksum: totals[2]! });
  }

  #stream(): number {
    return streamAt(this.#parameters, this.#slots.totals[1]!);
  }

  /** The length at which the frame ends. */
  #end(): number {
    const left = blockLeft(this.#parameters, this.#slots.totals[1]!);
    return Math.min(left, this.#slots.frame[SKIPPED]! || left);
  }

  /** The next length at which something is decided. */
  #nextStop(length: number): number {
    const end = this.#end();
    return length < this.#probe ? Math.min(this.#probe, end) : end;
  }

  /** Codes the frame's bytes `from` … `to - 1`, unless it is skipped. */
  #take(from: number, to: number): void {
    const { raw, coded, frame, skips } = this.#slots;
    frame[LENGTH] = to;
    if (frame[SKIPPED]! > 0) return;
    const stream = this.#stream();
    const model = this.#modelOf(stream);
    if (from === 0) model.start();
    frame[CODED] = model.encode(raw, from, to, coded, frame[CODED]!);
    if (to !== this.#probe || frame[CODED]! <= to - to / WORTH) return;
    frame[SKIPPED] = 2 * this.#probe * 2 ** skips[stream]!;
  }
}

/** Longer than any frame. */
const MOST_DOUBLINGS = 16;
