/**
 * An asynchronous step in a running dataflow: batches wait in order in front of it, and go through the synchronous steps
 * behind it to the next place that batches wait at.
 */
import type { RecordBatch } from 'apache-arrow';
import type { AsyncOperator, OpenAsyncOperator } from './async-operator.js';
import type { Chain } from './chain.js';
import { toldByStep } from './errors.js';
import type { Meter } from './meters.js';
import type { Emit, OpenContext } from './operator.js';
import { patiently } from './patience.js';
import type { Stage } from './stage.js';

export interface BorderStep {
  readonly id: string;
  readonly operator: AsyncOperator;
}

export interface BorderListener {
  /** A source batch has gone on. */
  onRoom(): void;
  /** The step has failed, and does nothing more. */
  onError(error: unknown): void;
}

const DEFAULT_CREDIT = 2;

export class Border implements Stage {
  readonly credit: number;
  readonly #id: string;
  readonly #operator: AsyncOperator;
  /** The synchronous steps behind it, and the stage that these emit into. */
  readonly #after: Chain;
  readonly #next: Stage;
  readonly #signal: AbortSignal;
  readonly #listener: BorderListener;
  readonly #meter: Meter | undefined;
  #open: OpenAsyncOperator | undefined;
  #made: RecordBatch[] = [];
  readonly #queue: { readonly number: number; readonly batches: readonly RecordBatch[] }[] = [];
  #number = 0;
  #isWorking = false;
  /** What the step was asked last; it may still have to answer. */
  #pending: Promise<unknown> = Promise.resolve();
  #onRest: () => void = () => {};

  constructor(
    step: BorderStep,
    after: Chain,
    next: Stage,
    signal: AbortSignal,
    listener: BorderListener,
    meter?: Meter,
  ) {
    this.credit = step.operator.credit ?? DEFAULT_CREDIT;
    this.#id = step.id;
    this.#operator = step.operator;
    this.#after = after;
    this.#next = next;
    this.#signal = signal;
    this.#listener = listener;
    this.#meter = meter;
    signal.addEventListener('abort', () => this.#onRest());
  }

  get id(): string {
    return this.#id;
  }

  get inFlight(): number {
    return this.#queue.length;
  }

  readonly take: Emit = (batch) => {
    this.#made.push(batch);
  };

  async open(context: OpenContext): Promise<void> {
    this.#open = await this.#told(async () => this.#operator.openAsync(context));
  }

  send(number: number): void {
    this.#queue.push({ number, batches: this.#made });
    this.#made = [];
    this.wake();
  }

  /** Works on what waits, as far as there is room behind. */
  wake(): void {
    if (this.#isWorking || !this.#canWork) return;
    this.#isWorking = true;
    this.#work().catch((error) => this.#listener.onError(error));
  }

  drained(): Promise<void> {
    if (this.#queue.length === 0 || this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onRest = resolve;
    });
  }

  /** Tells the step that no more will come, and then the synchronous ones behind it. */
  async flush(): Promise<void> {
    const made = await this.#asked((open) => open.flush(this.#signal));
    for (const batch of made) this.#pass(batch, this.#number);
    this.#after.flush();
    this.#next.send(this.#number);
  }

  snapshot(): Promise<Uint8Array> {
    return this.#asked((open) => open.snapshot());
  }

  restore(bytes: Uint8Array): Promise<void> {
    return this.#asked((open) => open.restore(bytes));
  }

  async committed(): Promise<void> {
    await this.#asked(async (open) => open.committed?.());
  }

  /** Lets go of what the step holds, once it has answered or a second after an abort. */
  async close(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    await patiently(this.#pending, this.#signal).catch(() => {});
    await patiently(
      this.#told(() => open.close()),
      AbortSignal.abort(),
    );
  }

  get #canWork(): boolean {
    return this.#queue.length > 0 && this.#next.inFlight < this.#next.credit && !this.#signal.aborted;
  }

  async #work(): Promise<void> {
    try {
      while (this.#canWork) await this.#workOnOne();
    } finally {
      this.#isWorking = false;
      if (this.#queue.length === 0) this.#onRest();
    }
  }

  async #workOnOne(): Promise<void> {
    const { number, batches } = this.#queue[0]!;
    this.#number = number;
    for (const batch of batches) {
      const beganMs = performance.now();
      const made = await this.#asked((open) => open.step(batch, this.#signal));
      this.#meter?.took(batch, performance.now() - beganMs);
      for (const one of made) this.#pass(one, number);
    }
    this.#queue.shift();
    this.#next.send(number);
    this.#listener.onRoom();
  }

  #pass(batch: RecordBatch, number: number): void {
    this.#meter?.out(batch);
    this.#after.push(batch, number);
  }

  #asked<T>(ask: (open: OpenAsyncOperator) => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const answer = this.#told(async () => ask(this.#open!));
    this.#pending = answer.catch(() => {});
    return patiently(answer, this.#signal);
  }

  /** Runs some work of the step; what it throws becomes our error, and says step and batch. */
  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#signal.aborted ? error : toldByStep(this.#id, this.#number, error);
    }
  }
}
