/**
 * States side by side. A cell is one state: there is one for a whole stream, or one for each key.
 */
import { stateMismatch } from './errors.js';
import { type AnyArray, type ArrayTypes, fillStart, type Layout, viewsOf } from './layout.js';

export interface Cells {
  /** The state in a cell, as a step sees it. */
  select(cell: number): unknown;
  /** Puts a cell back to what it is before the first row. */
  clear(cell: number): void;
  save(cell: number): Uint8Array;
  load(cell: number, bytes: Uint8Array): void;
  /** The slots of a cell by name, as they are. */
  slots(cell: number): Readonly<Record<string, AnyArray>>;
}

/** States of a fixed layout, one behind the other in an arena. */
export class LayoutCells implements Cells {
  readonly #who: string;
  readonly #layout: Layout;
  readonly #buffer: ArrayBuffer;
  readonly #base: number;

  constructor(who: string, layout: Layout, buffer: ArrayBuffer, base: number) {
    this.#who = who;
    this.#layout = layout;
    this.#buffer = buffer;
    this.#base = base;
  }

  select(cell: number) {
    return viewsOf<ArrayTypes>(this.#layout, this.#buffer, this.#base + cell * this.#layout.byteLength);
  }

  slots(cell: number) {
    return this.select(cell);
  }

  clear(cell: number): void {
    fillStart(this.#layout, this.select(cell));
  }

  save(cell: number): Uint8Array {
    return this.#bytes(cell).slice();
  }

  load(cell: number, bytes: Uint8Array): void {
    if (bytes.length !== this.#layout.byteLength) {
      const advice = 'The state was saved by another layout.';
      throw stateMismatch(
        this.#who,
        'bytes of the saved state',
        this.#layout.byteLength,
        bytes.length,
        advice,
      );
    }
    this.#bytes(cell).set(bytes);
  }

  #bytes(cell: number): Uint8Array {
    const { byteLength } = this.#layout;
    return new Uint8Array(this.#buffer, this.#base + cell * byteLength, byteLength);
  }
}

/** How a state of variable size is made, saved and read; it is changed in place by the steps. */
export interface Codec<S = unknown> {
  /** The state before the first row. */
  empty(): S;
  /** A state as bytes; equal states give equal bytes. */
  encode(state: S): Uint8Array;
  /** The state of bytes that `encode` gave. */
  decode(bytes: Uint8Array): S;
  /** What can be read of the state from outside, by name. */
  slots?(state: S): Readonly<Record<string, AnyArray>>;
}

/** States of variable size: one value a cell. */
export class CodecCells<S> implements Cells {
  readonly #codec: Codec<S>;
  readonly #states: S[] = [];

  constructor(codec: Codec<S>) {
    this.#codec = codec;
  }

  select(cell: number): S {
    const state = this.#states[cell];
    if (state !== undefined) return state;
    this.clear(cell);
    return this.#states[cell]!;
  }

  clear(cell: number): void {
    this.#states[cell] = this.#codec.empty();
  }

  save(cell: number): Uint8Array {
    return this.#codec.encode(this.select(cell));
  }

  load(cell: number, bytes: Uint8Array): void {
    this.#states[cell] = this.#codec.decode(bytes);
  }

  slots(cell: number) {
    return this.#codec.slots?.(this.select(cell)) ?? {};
  }
}
