/**
 * Byte strings end to end, written one behind the other and read by their place.
 */
import { DataflowError } from '../../../src/errors.js';

/** Bytes of text that there is still room for. */
export interface Room {
  bytes: number;
}

/** As many as a batch of ours ever has. */
const MUCH_ROOM = 2 ** 40;

export class TextColumn {
  bytes: Uint8Array;
  offsets: Float64Array;
  length: number;
  /** Where reading is. */
  next = 0;
  readonly #room: Room;

  constructor(
    bytes = new Uint8Array(0),
    offsets = new Float64Array(1),
    length = 0,
    room: Room = { bytes: MUCH_ROOM },
  ) {
    this.bytes = bytes;
    this.offsets = offsets;
    this.length = length;
    this.#room = room;
  }

  /** Appends one byte to the string that is being written. */
  put(byte: number): void {
    const end = this.offsets[this.length]! + this.next;
    if (end === this.bytes.length) this.bytes = grown(this.bytes, Math.max(1024, 2 * end));
    this.#take(1);
    this.bytes[end] = byte;
    this.next++;
  }

  /** Appends a string. */
  append(bytes: Uint8Array): void {
    this.#take(bytes.length);
    const end = this.offsets[this.length]! + bytes.length;
    if (end > this.bytes.length) this.bytes = grown(this.bytes, Math.max(1024, 2 * end));
    this.bytes.set(bytes, this.offsets[this.length]!);
    this.next = bytes.length;
    this.end();
  }

  /** The bytes of a string. */
  at(i: number): Uint8Array {
    return this.bytes.subarray(this.offsets[i]!, this.offsets[i + 1]!);
  }

  /** Ends the string that is being written. */
  end(): void {
    const end = this.offsets[this.length]! + this.next;
    if (this.length + 1 === this.offsets.length) {
      const offsets = new Float64Array(2 * this.offsets.length);
      offsets.set(this.offsets);
      this.offsets = offsets;
    }
    this.offsets[++this.length] = end;
    this.next = 0;
  }

  #take(bytes: number): void {
    this.#room.bytes -= bytes;
    if (this.#room.bytes < 0) throw tooMuchText();
  }
}

export const tooMuchText = () =>
  new DataflowError(
    'LIMIT_EXCEEDED',
    'decompressBatches: limit maxTextBytes, expected at most so many bytes of text in a batch, got more. Raise it.',
  );

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}
