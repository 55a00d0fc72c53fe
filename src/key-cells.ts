/**
 * Which cell holds which key's state, and what happens when the cells run out.
 */
import type { Cells } from './cells.js';
import type { SpillFile } from './checkpoint-store.js';
import { limitExceeded } from './errors.js';
import type { Key } from './read-column.js';
import { pack, unpack } from './snapshot.js';

/** What a snapshot holds: keys in the order of `KeyCells`, their states end to end, and where the evicted ones are. */
interface SavedKeys {
  readonly keys: readonly Key[];
  readonly byteLengths: readonly number[];
  readonly states: Uint8Array;
  readonly spilled: readonly (readonly [Key, number, number])[];
  readonly spillBytes: number;
}

/** A state of one key inside a snapshot. */
export function* savedStates(snapshot: Uint8Array): Generator<[Key, Uint8Array]> {
  const { keys, byteLengths, states } = unpack(snapshot) as SavedKeys;
  let offset = 0;
  for (const [i, key] of keys.entries()) {
    yield [key, states.slice(offset, offset + byteLengths[i]!)];
    offset += byteLengths[i]!;
  }
}

/** Whether a key's state (any key's) is not in the snapshot, but was evicted to the checkpoint store. */
export const isSpilled = (snapshot: Uint8Array, key?: Key): boolean => {
  const { spilled } = unpack(snapshot) as SavedKeys;
  return key === undefined ? spilled.length > 0 : spilled.some(([other]) => other === key);
};

/** The snapshot that holds these states. */
export function saveStates(states: ReadonlyMap<Key, Uint8Array>): Uint8Array {
  const parts = [...states.values()];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  const byteLengths = parts.map((part) => part.length);
  return pack({
    keys: [...states.keys()],
    byteLengths,
    states: whole,
    spilled: [],
    spillBytes: 0,
  } satisfies SavedKeys);
}

export class KeyCells {
  readonly #cells: Cells;
  readonly #maxKeys: number;
  /** Opens where evicted states go; undefined where the limit is an error. */
  readonly #openSpill: (() => SpillFile) | undefined;
  /** In the order of their first rows; where states are evicted, the least recently used first. */
  readonly #cellOf = new Map<Key, number>();
  readonly #spilled = new Map<Key, readonly [offset: number, byteLength: number]>();
  /** The pass in which a cell was last used. */
  readonly #usedIn: Int32Array;
  #spill: SpillFile | undefined;
  #pass = 0;
  #latest: Key | undefined;

  constructor(cells: Cells, maxKeys: number, openSpill?: () => SpillFile) {
    this.#cells = cells;
    this.#maxKeys = maxKeys;
    this.#openSpill = openSpill;
    this.#usedIn = new Int32Array(maxKeys);
  }

  /** Begins a pass: cells that it hands out stay until the next one begins. */
  beginPass(): void {
    this.#pass++;
  }

  /** The cell of a key, or −1 when every cell is taken by this pass. */
  cellFor(key: Key): number {
    let cell = this.#cellOf.get(key);
    if (cell === undefined) {
      cell = this.#cellOf.size < this.#maxKeys ? this.#cellOf.size : this.#evict();
      if (cell < 0) return -1;
      this.#admit(key, cell);
      this.#cellOf.set(key, cell);
    } else if (this.#openSpill !== undefined && key !== this.#latest) {
      this.#cellOf.delete(key);
      this.#cellOf.set(key, cell);
    }
    this.#latest = key;
    this.#usedIn[cell] = this.#pass;
    return cell;
  }

  snapshot(): Uint8Array {
    this.#spill?.sync();
    const states = new Map<Key, Uint8Array>();
    for (const [key, cell] of this.#cellOf) states.set(key, this.#cells.save(cell));
    if (this.#spill === undefined) return saveStates(states);
    const saved = unpack(saveStates(states)) as SavedKeys;
    const spilled = [...this.#spilled].map(([key, [offset, length]]) => [key, offset, length] as const);
    return pack({ ...saved, spilled, spillBytes: this.#spill.byteLength } satisfies SavedKeys);
  }

  restore(snapshot: Uint8Array): void {
    this.#cellOf.clear();
    this.#spilled.clear();
    this.#usedIn.fill(0);
    this.#latest = undefined;
    for (const [key, state] of savedStates(snapshot)) {
      const cell = this.#cellOf.size;
      if (cell === this.#maxKeys) throw this.#tooMany('Raise maxKeys to at least the number of saved keys.');
      this.#cells.load(cell, state);
      this.#cellOf.set(key, cell);
    }
    const { spilled, spillBytes } = unpack(snapshot) as SavedKeys;
    if (spilled.length > 0 && this.#openSpill === undefined) {
      throw this.#tooMany("States were evicted: go on with onLimit: 'evict' and the same checkpoint store.");
    }
    for (const [key, offset, length] of spilled) this.#spilled.set(key, [offset, length]);
    if (this.#openSpill !== undefined) {
      this.#spill ??= this.#openSpill();
      this.#spill.truncate(spillBytes);
    }
  }

  #admit(key: Key, cell: number): void {
    const spilled = this.#spilled.get(key);
    if (spilled === undefined) {
      this.#cells.clear(cell);
    } else {
      this.#cells.load(cell, this.#spill!.read(...spilled));
      this.#spilled.delete(key);
    }
  }

  #evict(): number {
    const [key, cell] = this.#cellOf.entries().next().value!;
    if (this.#usedIn[cell] === this.#pass) return -1;
    if (this.#openSpill === undefined) {
      throw this.#tooMany(
        "Raise maxKeys, or ask for onLimit: 'evict' in a dataflow with a checkpoint store.",
      );
    }
    if (this.#spill === undefined) {
      this.#spill = this.#openSpill();
      this.#spill.truncate(0);
    }
    const state = this.#cells.save(cell);
    this.#spilled.set(key, [this.#spill.append(state), state.length]);
    this.#cellOf.delete(key);
    return cell;
  }

  #tooMany = (advice: string) => limitExceeded('perKey', 'maxKeys', this.#maxKeys, advice);
}
