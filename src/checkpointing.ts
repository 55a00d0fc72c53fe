/**
 * When a run takes a checkpoint, who asked for it, who hears of it, and what it needs of the store besides.
 */
import { type Checkpoint, Checkpoints, refuseForeign, type Shape, shapeOf } from './checkpoint.js';
import type { CheckpointStore, SpillFile } from './checkpoint-store.js';
import { optionRange } from './errors.js';
import type { Flow } from './flow.js';
import type { OpenContext } from './operator.js';
import { checked, finiteNumber, integer, truth } from './options.js';

export interface CheckpointOptions {
  readonly store: CheckpointStore;
  /** A checkpoint after so many source batches, 1 … 2^31 − 1 (default 64). */
  readonly everyBatches?: number;
  /** And at the latest so many seconds after the first batch behind the one before, 0.001 … 2,000,000 (default: never). */
  readonly everySeconds?: number;
  /** Forget earlier checkpoints and start from the beginning (default false). */
  readonly restart?: boolean;
}

/** What a run says of itself at a point at rest. */
export type AtRest = Omit<Checkpoint, keyof Shape> & { readonly states: readonly Uint8Array[] };

export class Checkpointing {
  readonly #flow: string;
  readonly #shape: Shape;
  readonly #store: CheckpointStore;
  readonly #checkpoints: Checkpoints;
  readonly #spills: SpillFile[] = [];
  readonly #restart: boolean;
  readonly #everyBatches: number;
  readonly #everySeconds: number | undefined;
  readonly #onDue: () => void;
  #asked: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  #end: { readonly error?: unknown } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLate = false;
  #batches = 0;
  #exists = false;
  #keptMs: number | undefined;
  #stateBytes: readonly number[] | undefined;
  #unlock: (() => Promise<void>) | undefined;

  /** `onDue` is called where a checkpoint becomes due by itself, and not by a batch. */
  constructor(flow: Flow, options: CheckpointOptions, warn: (message: string) => void, onDue: () => void) {
    const { everyBatches, restart } = checked(flow.name, options, ['store', 'everySeconds'], () => {
      if (typeof options.store?.write !== 'function') {
        throw optionRange('', 'checkpoint.store', 'a store such as directoryStore(path)', options.store);
      }
      if (options.everySeconds !== undefined) {
        finiteNumber({ everySeconds: options.everySeconds }, 1e-3, 2e6);
      }
      return {
        everyBatches: integer({ everyBatches: options.everyBatches ?? 64 }, 1, 2 ** 31 - 1),
        restart: truth({ restart: options.restart ?? false }),
      };
    });
    this.#flow = flow.name;
    this.#shape = shapeOf(flow);
    this.#store = options.store;
    this.#checkpoints = new Checkpoints(options.store, warn);
    this.#restart = restart;
    this.#everyBatches = everyBatches;
    this.#everySeconds = options.everySeconds;
    this.#onDue = onDue;
  }

  /** Whether there is one to resume from. */
  get exists(): boolean {
    return this.#exists;
  }

  /** When the newest one of this run was kept, by `performance.now()`. */
  get keptMs(): number | undefined {
    return this.#keptMs;
  }

  /** Bytes of each step's state in it. */
  get stateBytes(): readonly number[] | undefined {
    return this.#stateBytes;
  }

  get isDue(): boolean {
    return this.#batches >= this.#everyBatches || this.#isLate || this.#asked.length > 0;
  }

  /** Whether the newest checkpoint lacks nothing that the run has done since. */
  get isUpToDate(): boolean {
    return this.#exists && this.#batches === 0;
  }

  /** What a step is opened with: where its states go that do not fit. */
  contextOf(step: string): OpenContext {
    const spill = () => {
      const file = this.#store.spill(step);
      this.#spills.push(file);
      return file;
    };
    return { spill };
  }

  /** Takes the store for this run; gives its newest checkpoint, which must be one of this flow. */
  async newest(): Promise<Checkpoint | undefined> {
    this.#unlock = await this.#store.lock?.();
    if (this.#restart) await this.#checkpoints.clear();
    const checkpoint = await this.#checkpoints.newest(this.#flow);
    if (checkpoint === undefined) return undefined;
    refuseForeign(this.#shape, checkpoint);
    this.#exists = true;
    return checkpoint;
  }

  /** Counts a batch that no checkpoint has yet. */
  count(): void {
    this.#batches++;
    if (this.#batches > 1 || this.#everySeconds === undefined) return;
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#onDue();
    }, this.#everySeconds * 1000);
  }

  /** Resolves with the next checkpoint, at once where the run is over; rejects where the run fails before. */
  ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      if (this.#end !== undefined) this.#answer(this.#end);
      else this.#onDue();
    });
  }

  async take({ states, ...rest }: AtRest): Promise<void> {
    const steps = this.#shape.steps.map((step, i) => ({ ...step, bytes: states[i] ?? new Uint8Array() }));
    await this.#checkpoints.write({ ...this.#shape, ...rest, steps });
    this.#exists = true;
    this.#keptMs = performance.now();
    if (states.length > 0) this.#stateBytes = states.map(({ byteLength }) => byteLength);
    this.#batches = 0;
    this.#stopTimer();
    this.#answer({});
  }

  /** The run is over: all that it did is in the newest checkpoint, unless it failed. */
  async end(how: { readonly error?: unknown }): Promise<void> {
    this.#stopTimer();
    for (const spill of this.#spills.splice(0)) spill.close();
    await this.#unlock?.();
    this.#end = how;
    this.#answer(how);
  }

  #answer(how: { readonly error?: unknown }): void {
    for (const { resolve, reject } of this.#asked.splice(0)) {
      if ('error' in how) reject(how.error);
      else resolve();
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#isLate = false;
  }
}
