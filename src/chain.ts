/**
 * Synchronous steps, opened and joined: a batch goes in, and what it becomes comes out before `push` returns.
 */
import type { RecordBatch } from 'apache-arrow';
import { toldByStep } from './errors.js';
import type { Meters } from './meters.js';
import type { Emit, OpenContext, OpenOperator, Operator } from './operator.js';

export interface ChainStep {
  readonly id: string;
  readonly operator: Operator;
}

export class Chain {
  readonly #steps: readonly { readonly id: string; readonly open: OpenOperator }[];
  /** What each step emits into; the last is what stands behind them. */
  readonly #into: Emit[] = [];
  #batch = 0;

  /** `meters` measure the steps, where someone listens. */
  constructor(
    steps: readonly ChainStep[],
    contextOf: (step: ChainStep) => OpenContext,
    sink: Emit,
    meters?: Meters,
  ) {
    this.#steps = steps.map((step) => ({
      id: step.id,
      open: this.#within(step.id, () => step.operator.open(contextOf(step))),
    }));
    this.#into[steps.length] = sink;
    for (let i = steps.length - 1; i >= 0; i--) {
      const { id, open } = this.#steps[i]!;
      const next = counted(this.#into[i + 1]!, meters, id);
      this.#into[i + 1] = next;
      const into: Emit = (batch) => {
        try {
          open.step(batch, next);
        } catch (error) {
          throw toldByStep(id, this.#batch, error);
        }
      };
      this.#into[i] = measured(into, meters, id);
    }
  }

  /** How many steps there are. */
  get length(): number {
    return this.#steps.length;
  }

  /** The number of the batch that came last. */
  get batch(): number {
    return this.#batch;
  }

  /** Sends a batch, the `batch`th of the stream, through all steps. */
  push(batch: RecordBatch, number: number): void {
    this.#batch = number;
    this.#into[0]!(batch);
  }

  /** Tells each step in turn that no more will come. */
  flush(): void {
    for (const [i, { id, open }] of this.#steps.entries())
      this.#within(id, () => open.flush(this.#into[i + 1]!));
  }

  snapshots(): Uint8Array[] {
    return this.#steps.map(({ id, open }) => this.#within(id, () => open.snapshot()));
  }

  restore(snapshots: readonly Uint8Array[]): void {
    for (const [i, { id, open }] of this.#steps.entries())
      this.#within(id, () => open.restore(snapshots[i]!));
  }

  #within<T>(step: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toldByStep(step, this.#batch, error);
    }
  }
}

/** The step's entry, which counts what comes in and how long it takes. */
function measured(into: Emit, meters: Meters | undefined, id: string): Emit {
  if (meters === undefined) return into;
  const meter = meters.of(id);
  return (batch) => {
    meter.in(batch);
    const before = meters.enter(meter);
    try {
      into(batch);
    } finally {
      meters.enter(before);
    }
  };
}

/** What a step emits into, which counts what comes out. */
function counted(next: Emit, meters: Meters | undefined, id: string): Emit {
  if (meters === undefined) return next;
  const meter = meters.of(id);
  return (batch) => {
    meter.out(batch);
    next(batch);
  };
}
