/**
 * Strings that have appeared, each with the number of its first appearance.
 */
import { hashBytes } from './hash.js';
import { TextColumn } from './text-column.js';

export class SymbolTable {
  readonly texts: TextColumn;
  readonly #ids = new Map<number, number>();

  constructor(texts = new TextColumn()) {
    this.texts = texts;
    for (let id = 0; id < texts.length; id++) this.#index(id);
  }

  get length(): number {
    return this.texts.length;
  }

  /** The number of a string, or −1. */
  find(bytes: Uint8Array): number {
    for (let h = hashBytes(bytes, 0, bytes.length); ; h = (h + 1) | 0) {
      const id = this.#ids.get(h);
      if (id === undefined) return -1;
      if (sameBytes(this.texts.at(id), bytes)) return id;
    }
  }

  add(bytes: Uint8Array): number {
    this.texts.append(bytes);
    this.#index(this.texts.length - 1);
    return this.texts.length - 1;
  }

  #index(id: number): void {
    const { bytes, offsets } = this.texts;
    let h = hashBytes(bytes, offsets[id]!, offsets[id + 1]!);
    while (this.#ids.has(h)) h = (h + 1) | 0;
    this.#ids.set(h, id);
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
