/**
 * Where checkpoints are kept, and keyed states that do not fit.
 */
import { checked, integer } from './options.js';

/** A growing file of evicted states: appended to, read at random, cut back when a run resumes. Synchronous. */
export interface SpillFile {
  readonly byteLength: number;
  /** Appends bytes and answers where they begin. */
  append(bytes: Uint8Array): number;
  /** `byteLength` bytes that `append` has put at `offset`. */
  read(offset: number, byteLength: number): Uint8Array;
  /** Forgets all behind `byteLength`. */
  truncate(byteLength: number): void;
  /** Makes everything appended so far durable. */
  sync(): void;
  /** Lets go of the file. */
  close(): void;
}

/** Keeps whole checkpoints by number. The engine writes higher numbers each time and reads the newest valid one. */
export interface CheckpointStore {
  readonly name: string;
  /** The numbers kept, in any order. */
  list(): Promise<number[]>;
  /** The bytes of a checkpoint of `list`. */
  read(sequence: number): Promise<Uint8Array>;
  /** Makes a checkpoint durable, then forgets the oldest ones beyond the number to keep. */
  write(sequence: number, bytes: Uint8Array): Promise<void>;
  /** Forgets everything. */
  clear(): Promise<void>;
  /** Takes the store for one run, where two could meet; the function gives it free. */
  lock?(): Promise<() => Promise<void>>;
  /** The spill file of a step; two steps never share one. */
  spill(step: string): SpillFile;
}

export interface StoreOptions {
  /** The newest so many checkpoints stay, 1 … 1000 (default 3). */
  readonly keep?: number;
}

/** Keeps checkpoints in memory: for tests, for browsers, for moving a run inside of one process. */
export function memoryStore(options: StoreOptions = {}): CheckpointStore {
  const { keep } = checkStoreOptions('memoryStore', options);
  const kept = new Map<number, Uint8Array>();
  const spills = new Map<string, SpillFile>();
  return {
    name: 'memoryStore',
    list: async () => [...kept.keys()],
    read: async (sequence) => kept.get(sequence) ?? new Uint8Array(),
    write: async (sequence, bytes) => {
      kept.set(sequence, bytes.slice());
      for (const old of [...kept.keys()].sort((a, b) => b - a).slice(keep)) kept.delete(old);
    },
    clear: async () => kept.clear(),
    spill: (step) => {
      const spill = spills.get(step) ?? memorySpill();
      spills.set(step, spill);
      return spill;
    },
  };
}

export const checkStoreOptions = (who: string, options: StoreOptions) =>
  checked(who, options, [], () => ({ keep: integer({ keep: options.keep ?? 3 }, 1, 1000) }));

function memorySpill(): SpillFile {
  let bytes = new Uint8Array(1024);
  let length = 0;
  return {
    get byteLength() {
      return length;
    },
    append(more) {
      if (length + more.length > bytes.length) {
        const larger = new Uint8Array(2 * (length + more.length));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(more, length);
      length += more.length;
      return length - more.length;
    },
    read: (offset, byteLength) => bytes.slice(offset, offset + byteLength),
    truncate: (byteLength) => {
      length = byteLength;
    },
    sync: () => {},
    close: () => {},
  };
}
