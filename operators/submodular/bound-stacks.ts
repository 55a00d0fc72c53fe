/**
 * What was once found of an element's gain: a stack of upper bounds for each slot, from shallow prefixes to deep ones. When the
 * deep prefixes change, the bounds found at shallower ones still hold.
 */

const NONE = -1;

export class BoundStacks {
  /** The node at the top of a slot's stack. */
  readonly #top: Int32Array;
  #prefixes = new Int32Array(64);
  #bounds = new Float64Array(64);
  #below = new Int32Array(64);
  #used = 0;
  #free = NONE;

  constructor(capacity: number) {
    this.#top = new Int32Array(capacity).fill(NONE);
  }

  /** Prefixes deeper than `deepest` are forgotten. */
  cut(slot: number, deepest: number): void {
    let node = this.#top[slot]!;
    while (node !== NONE && this.#prefixes[node]! > deepest) {
      const below = this.#below[node]!;
      this.#below[node] = this.#free;
      this.#free = node;
      node = below;
    }
    this.#top[slot] = node;
  }

  push(slot: number, prefix: number, bound: number): void {
    const node = this.#newNode();
    this.#prefixes[node] = prefix;
    this.#bounds[node] = bound;
    this.#below[node] = this.#top[slot]!;
    this.#top[slot] = node;
  }

  /** The deepest prefix with a bound; 0 where there is none. */
  prefix(slot: number): number {
    const node = this.#top[slot]!;
    return node === NONE ? 0 : this.#prefixes[node]!;
  }

  bound(slot: number): number {
    return this.#bounds[this.#top[slot]!]!;
  }

  /** A slot's stack from the bottom, as prefix and bound in turn. */
  list(slot: number): number[] {
    const listed: number[] = [];
    for (let node = this.#top[slot]!; node !== NONE; node = this.#below[node]!)
      listed.unshift(this.#prefixes[node]!, this.#bounds[node]!);
    return listed;
  }

  #newNode(): number {
    if (this.#free !== NONE) {
      const node = this.#free;
      this.#free = this.#below[node]!;
      return node;
    }
    if (this.#used === this.#prefixes.length) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const length = 2 * this.#used;
    const prefixes = new Int32Array(length);
    const bounds = new Float64Array(length);
    const below = new Int32Array(length);
    prefixes.set(this.#prefixes);
    bounds.set(this.#bounds);
    below.set(this.#below);
    this.#prefixes = prefixes;
    this.#bounds = bounds;
    this.#below = below;
  }
}
