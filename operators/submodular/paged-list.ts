/**
 * Lists in pages: they grow without ever being copied, so that no single update pays for it.
 */

const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const MASK = PAGE - 1;

/** Values by number. */
export class PagedList<T> {
  readonly #pages: (T | undefined)[][] = [];

  at(i: number): T | undefined {
    return this.#pages[i >> PAGE_BITS]?.[i & MASK];
  }

  set(i: number, value: T): void {
    while (this.#pages.length <= i >> PAGE_BITS) this.#pages.push([]);
    this.#pages[i >> PAGE_BITS]![i & MASK] = value;
  }
}

/** A stack of 32-bit integers whose places can be written as well. */
export class PagedInts {
  length = 0;
  /** The first page is small, for the many lists that stay so. */
  readonly #pages: Int32Array[] = [new Int32Array(16)];

  at(i: number): number {
    return this.#pages[i >> PAGE_BITS]![i & MASK]!;
  }

  /** Writes a place below `length`. */
  set(i: number, value: number): void {
    this.#pages[i >> PAGE_BITS]![i & MASK] = value;
  }

  push(value: number): void {
    const page = this.length >> PAGE_BITS;
    if (page === this.#pages.length) this.#pages.push(new Int32Array(PAGE));
    const own = this.#pages[page]!;
    if (own.length === (this.length & MASK)) {
      this.#pages[page] = new Int32Array(2 * own.length);
      this.#pages[page].set(own);
    }
    this.set(this.length++, value);
  }

  /** Takes the last one away; there must be one. */
  pop(): number {
    return this.at(--this.length);
  }

  toArray(): Int32Array<ArrayBuffer> {
    return Int32Array.from({ length: this.length }, (_, i) => this.at(i));
  }
}
