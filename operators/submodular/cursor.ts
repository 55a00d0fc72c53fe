/**
 * A place in a list that changes while it is read: from its end to its beginning.
 *
 * What is added meanwhile is not read. What is removed has the last one put into its place: that one may be read twice.
 */

export interface Listed {
  readonly length: number;
  at(i: number): number;
}

export class Cursor {
  /** How many are left to be read, at most. */
  left: number;
  readonly #list: Listed;

  constructor(list: Listed, left = list.length) {
    this.#list = list;
    this.left = left;
  }

  /** The next one; undefined at the end. */
  take(): number | undefined {
    this.left = Math.min(this.left, this.#list.length) - 1;
    return this.left < 0 ? undefined : this.#list.at(this.left);
  }

  /** What is left to be read, in the order of the list. */
  rest(): Int32Array<ArrayBuffer> {
    const length = Math.max(0, Math.min(this.left, this.#list.length));
    return Int32Array.from({ length }, (_, i) => this.#list.at(i));
  }
}
