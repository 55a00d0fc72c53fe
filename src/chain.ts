/**
 * The steps of a dataflow, opened and joined: a batch goes in, what it becomes comes out, synchronously.
 */
import type { RecordBatch } from 'apache-arrow';
import { DataflowError, reason, stepFailed } from './errors.js';
import type { Step } from './flow.js';
import type { Emit, OpenContext, OpenOperator } from './operator.js';

export class Chain {
  readonly #steps: readonly { readonly id: string; readonly open: OpenOperator }[];
  /** What each step emits into; the last is the sink's. */
  readonly #into: Emit[] = [];
  #batch = 0;

  constructor(steps: readonly Step[], contextOf: (step: Step) => OpenContext, sink: Emit) {
    this.#steps = steps.map((step) => ({
      id: step.id,
      open: this.#within(step.id, () => step.operator.open(contextOf(step))),
    }));
    this.#into[steps.length] = sink;
    for (let i = steps.length - 1; i >= 0; i--) {
      const { id, open } = this.#steps[i]!;
      const next = this.#into[i + 1]!;
      this.#into[i] = (batch) => {
        try {
          open.step(batch, next);
        } catch (error) {
          throw this.#told(id, error);
        }
      };
    }
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
      throw this.#told(step, error);
    }
  }

  /** The error with the step and the batch it happened in; what a user's function throws becomes the cause of one. */
  #told(step: string, error: unknown): DataflowError {
    if (!(error instanceof DataflowError)) return stepFailed(step, this.#batch, reason(error), error);
    const isTold = error.at.step !== undefined && error.at.batch !== undefined;
    return isTold ? error : error.within({ step, batch: this.#batch });
  }
}
