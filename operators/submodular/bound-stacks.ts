/**
 * What was once found of an element's gain: a stack of upper bounds for each slot, from shallow prefixes to deep ones. When the
 * deep prefixes change, the bounds found at shallower ones still hold.
 */

const NONE = -1;

const PAGE_BITS = 14;
const PAGE = 1 << PAGE_BITS;
const MASK = PAGE - 1;

/** Nodes of stacks, in parallel arrays. */
interface Page {
  readonly prefix: Int16Array;
  readonly bound: Float64Array;
  readonly below: Int32Array;
}

const newPage = (): Page => ({
  prefix: new Int16Array(PAGE),
  bound: new Float64Array(PAGE),
  below: new Int32Array(PAGE),
});

export class BoundStacks {
  /** The node at the top of a slot's stack. */
  readonly #top: Int32Array;
  /** Pages are added and never copied: no push waits for it. */
  readonly #pages: Page[] = [];
  #used = 0;
  #free = NONE;

  constructor(capacity: number) {
    this.#top = new Int32Array(capacity).fill(NONE);
  }

  /** Prefixes deeper than `deepest` are forgotten. */
  cut(slot: number, deepest: number): void {
    let node = this.#top[slot]!;
    while (node !== NONE) {
      const { prefix, below } = this.#page(node);
      if (prefix[node & MASK]! <= deepest) break;
      const next = below[node & MASK]!;
      below[node & MASK] = this.#free;
      this.#free = node;
      node = next;
    }
    this.#top[slot] = node;
  }

  push(slot: number, prefix: number, bound: number): void {
    const node = this.#newNode();
    const page = this.#page(node);
    page.prefix[node & MASK] = prefix;
    page.bound[node & MASK] = bound;
    page.below[node & MASK] = this.#top[slot]!;
    this.#top[slot] = node;
  }

  /** The deepest prefix with a bound; 0 where there is none. */
  prefix(slot: number): number {
    const node = this.#top[slot]!;
    return node === NONE ? 0 : this.#page(node).prefix[node & MASK]!;
  }

  bound(slot: number): number {
    const node = this.#top[slot]!;
    return this.#page(node).bound[node & MASK]!;
  }

  /** A slot's stack from the bottom, as prefix and bound in turn. */
  list(slot: number): number[] {
    const listed: number[] = [];
    for (let node = this.#top[slot]!; node !== NONE; ) {
      const { prefix, bound, below } = this.#page(node);
      listed.unshift(prefix[node & MASK]!, bound[node & MASK]!);
      node = below[node & MASK]!;
    }
    return listed;
  }

  #page(node: number): Page {
    return this.#pages[node >> PAGE_BITS]!;
  }

  #newNode(): number {
    if (this.#free !== NONE) {
      const node = this.#free;
      this.#free = this.#page(node).below[node & MASK]!;
      return node;
    }
    if (this.#used === this.#pages.length * PAGE) this.#pages.push(newPage());
    return this.#used++;
  }
}
