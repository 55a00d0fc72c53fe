/**
 * Decodes frames while their payloads arrive.
 *
 * A frame's bytes are given out only once all of them are there and its checksum is right. The work is done as the
 * payload comes: as long as more input is at hand than the next bytes can use up, they are decoded.
 */
import type { Backend } from '../../src/kernels/kernel.js';
import { i32, u8 } from '../../src/layout.js';
import type { Frame } from './container.js';
import { type OpenModel, openModel } from './model-at-work.js';
import { probeBytes, type StreamParameters } from './parameters.js';

/** So many bytes are decoded at a time… */
const PIECE_BYTES = 32;
/** …while so much input is at hand: a bit costs less than 3 bytes. */
const MARGIN_BYTES = 24 * PIECE_BYTES;

const decoderSlots = (frameBytes: number) => ({
  payload: u8(frameBytes),
  raw: u8(frameBytes),
  frame: i32(3),
});

/** Where things are in `frame`: bytes of payload that are there, that were read, and bytes decoded. */
const ARRIVED = 0;
const READ = 1;
const DECODED = 2;

export class FrameDecoder {
  readonly #probe: number;
  readonly #open: OpenModel<ReturnType<typeof decoderSlots>>;

  constructor(parameters: StreamParameters, backend?: Backend) {
    this.#probe = probeBytes(parameters);
    this.#open = openModel(parameters, decoderSlots(parameters.frameBytes), backend);
  }

  /** Bytes of the frame on its way that are decoded so far. */
  get decoded(): number {
    return this.#open.slots.frame[DECODED]!;
  }

  /** Takes as much of a coded frame's payload as is there, of `payloadLength` bytes that it will have. */
  advance({ rawLength }: Pick<Frame, 'rawLength'>, payload: Uint8Array, payloadLength: number): void {
    const { model, slots } = this.#open;
    const { payload: input, raw, frame } = slots;
    input.set(payload.subarray(frame[ARRIVED]!), frame[ARRIVED]!);
    const isWhole = payload.length === payloadLength;
    if (frame[READ] === 0) {
      if (payload.length < MARGIN_BYTES && !isWhole) return;
      frame[READ] = model.startDecoding(input, payload.length);
    }
    frame[ARRIVED] = payload.length;
    while (frame[DECODED]! < rawLength) {
      if (!isWhole && payload.length - frame[READ]! < MARGIN_BYTES) return;
      const from = frame[DECODED]!;
      const to = Math.min(from + (isWhole ? rawLength : PIECE_BYTES), rawLength);
      frame[READ] = model.decode(input, frame[READ]!, payload.length, raw, from, to);
      frame[DECODED] = to;
    }
  }

  /** The raw bytes of a frame that is all there, a view until the next one. */
  finish({ kind, rawLength, payload }: Frame): Uint8Array {
    const { model, slots } = this.#open;
    if (kind === 'coded') this.advance({ rawLength }, payload, payload.length);
    else {
      slots.raw.set(payload);
      model.learn(slots.raw, 0, kind === 'stored' ? rawLength : Math.min(this.#probe, rawLength));
    }
    slots.frame.fill(0);
    return slots.raw.subarray(0, rawLength);
  }

  reset(): void {
    this.#open.reset();
  }

  save(): Uint8Array {
    return this.#open.save();
  }

  restore(bytes: Uint8Array): void {
    this.#open.restore(bytes);
  }
}
