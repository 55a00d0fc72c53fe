/**
 * All steps of a running dataflow: synchronous ones in chains, asynchronous ones as borders between two chains, and the
 * delivery to the sink behind the last.
 */
import type { RecordBatch } from 'apache-arrow';
import { isAsyncOperator } from './async-operator.js';
import { Border, type BorderListener, type BorderStep } from './border.js';
import { Chain, type ChainStep } from './chain.js';
import type { Step } from './flow.js';
import type { Meters } from './meters.js';
import type { OpenContext } from './operator.js';
import type { Stage } from './stage.js';

export class Pipeline {
  /** The synchronous steps in front of each border, and those in front of the sink. */
  readonly #chains: readonly Chain[];
  readonly #entry: Chain;
  readonly #borders: readonly Border[];
  readonly #delivery: Stage;
  /** Where a source batch waits first. */
  readonly #first: Stage;
  readonly #steps: readonly Step[];
  readonly #contextOf: (step: Step) => OpenContext;

  /** Opens the synchronous steps; `signal` aborts when the run has failed. */
  constructor(
    steps: readonly Step[],
    contextOf: (step: Step) => OpenContext,
    delivery: Stage,
    signal: AbortSignal,
    listener: BorderListener,
    meters?: Meters,
  ) {
    const chains: Chain[] = [];
    const borders: Border[] = [];
    let stage = delivery;
    let synchronous: ChainStep[] = [];
    const chain = () => {
      const opened = new Chain(synchronous, contextOf, stage.take, meters);
      chains.unshift(opened);
      synchronous = [];
      return opened;
    };
    for (const step of [...steps].reverse()) {
      if (isBorder(step)) {
        const border = new Border(step, chain(), stage, signal, listener, meters?.of(step.id));
        borders.unshift(border);
        stage = border;
      } else synchronous.unshift(step as ChainStep);
    }
    this.#entry = chain();
    this.#chains = chains;
    this.#borders = borders;
    this.#delivery = delivery;
    this.#first = stage;
    this.#steps = steps;
    this.#contextOf = contextOf;
  }

  /** Source batches between source and sink. */
  get inFlight(): number {
    return this.#borders.reduce((sum, border) => sum + border.inFlight, this.#delivery.inFlight);
  }

  /** Source batches in front of an asynchronous step, or in it; 0 of any other. */
  inFlightAt(id: string): number {
    return this.#borders.find((border) => border.id === id)?.inFlight ?? 0;
  }

  /** Whether one more source batch may come, besides `arrived` ones that are still to be pushed. */
  hasRoom(arrived: number): boolean {
    return this.#first.inFlight + arrived < this.#first.credit;
  }

  /** Opens the asynchronous steps. */
  async open(): Promise<void> {
    const steps = this.#steps.filter(isBorder);
    for (const [i, border] of this.#borders.entries()) await border.open(this.#contextOf(steps[i]!));
  }

  /** Sends a batch, the `number`th of the stream, as far as nothing must be waited for. */
  push(batch: RecordBatch, number: number): void {
    this.#entry.push(batch, number);
    this.#first.send(number);
  }

  /** There is room somewhere: whoever waited for it goes on. */
  wake(): void {
    for (let i = 0; i < this.#borders.length; i++) this.#borders[i]!.wake();
  }

  /** Resolves once everything is with the sink, or once the run has failed. */
  async drained(): Promise<void> {
    for (const border of this.#borders) await border.drained();
    await this.#delivery.drained();
  }

  /** Tells each step in turn that no more will come. */
  async flush(): Promise<void> {
    this.#entry.flush();
    this.#first.send(this.#entry.batch);
    for (const border of this.#borders) {
      await border.drained();
      await border.flush();
    }
    await this.#delivery.drained();
  }

  /** The states of all steps, in order. Asked at rest only. */
  async snapshots(): Promise<Uint8Array[]> {
    const snapshots: Uint8Array[] = [];
    for (const [i, chain] of this.#chains.entries()) {
      snapshots.push(...chain.snapshots());
      const border = this.#borders[i];
      if (border !== undefined) snapshots.push(await border.snapshot());
    }
    return snapshots;
  }

  async restore(snapshots: readonly Uint8Array[]): Promise<void> {
    let at = 0;
    for (const [i, chain] of this.#chains.entries()) {
      chain.restore(snapshots.slice(at, at + chain.length));
      at += chain.length;
      const border = this.#borders[i];
      if (border !== undefined) await border.restore(snapshots[at++]!);
    }
  }

  /** Tells the asynchronous steps that a checkpoint with their states is kept. */
  async committed(): Promise<void> {
    for (const border of this.#borders) await border.committed();
  }

  /** Refuses steps whose state cannot be saved. */
  refuseUnsaved(): void {
    for (const chain of this.#chains) chain.snapshots();
  }

  /** Lets go of what asynchronous steps hold; rejects with the first error once all were told. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(this.#borders.map((border) => border.close()));
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

const isBorder = (step: Step): step is BorderStep => isAsyncOperator(step.operator);
