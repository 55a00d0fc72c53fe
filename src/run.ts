/**
 * Runs a dataflow: pull, push, acknowledge, checkpoint, resume.
 *
 * 1. A source batch is asked for only while fewer than `credit` are between source and sink.
 * 2. It goes through all steps at once; what comes out is written in order, and the next batch is pulled meanwhile.
 * 3. A checkpoint waits until the sink has acknowledged everything, so it needs no barriers.
 * 4. The first error, of whatever part, ends the run: source and sink are told by their signals, and left in order.
 */
import type { RecordBatch } from 'apache-arrow';
import { Chain } from './chain.js';
import { Checkpointing } from './checkpointing.js';
import { Delivery } from './delivery.js';
import { optionRange } from './errors.js';
import type { Flow } from './flow.js';
import { Progress } from './progress.js';
import { Reading } from './reading.js';
import { checkRunOptions, type Report, type RunOptions } from './run-options.js';
import type { Position, Sourced } from './source.js';
import { Turns } from './turns.js';

export const runFlow = async (flow: Flow, options: RunOptions): Promise<Report> =>
  new Run(flow, options).drive();

/** What ends a row of turns. */
type Pause = 'end' | 'stop' | 'checkpoint' | 'rest';

export class Run {
  readonly #flow: Flow;
  readonly #options: RunOptions;
  readonly #credit: number;
  readonly #checkpointing: Checkpointing | undefined;
  readonly #chain: Chain;
  readonly #delivery: Delivery;
  readonly #progress: Progress;
  /** Aborts when the source shall give no more. */
  readonly #readingEnd = new AbortController();
  /** Aborts when the sink shall take no more. */
  readonly #writingEnd = new AbortController();
  /** In each turn the run looks at everything anew. */
  readonly #turns = new Turns();
  #failure: { readonly error: unknown } | undefined;
  #isStopping = false;
  #position: Position | undefined;
  #resumedAt: number | null = null;

  constructor(flow: Flow, options: RunOptions, onBatch: (batch: RecordBatch) => void = () => {}) {
    const { credit, progressMs } = checkRunOptions(flow.name, options);
    const { checkpoint, onProgress, onWarning = (message) => console.warn(message) } = options;
    this.#flow = flow;
    this.#options = options;
    this.#credit = credit;
    this.#checkpointing =
      checkpoint && new Checkpointing(flow, checkpoint, onWarning, () => this.#turns.wake());
    this.#delivery = new Delivery(flow.sink, this.#writingEnd.signal, {
      onBatch,
      onRoom: () => {
        this.#progress.tell();
        this.#turns.wake();
      },
      onError: (error) => this.#fail(error),
    });
    this.#progress = new Progress(onProgress, progressMs, this.#delivery);
    this.#chain = new Chain(
      flow.steps,
      ({ id }) => this.#checkpointing?.contextOf(id) ?? {},
      this.#delivery.take,
    );
    // A step whose state cannot be saved says so now, and not at the first checkpoint.
    if (checkpoint) this.#chain.snapshots();
  }

  /** Runs to the end, and cleans up on every way out. */
  async drive(): Promise<Report> {
    const { signal } = this.#options;
    const onAbort = () => this.#fail(signal?.reason);
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', onAbort);
      const report = await this.#run();
      await this.#checkpointing?.end({});
      return report;
    } catch (thrown) {
      const { error } = this.#fail(thrown);
      await this.#delivery.abandon(this.#checkpointing?.exists ?? false);
      await this.#checkpointing?.end({ error });
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Stops reading; what was read is finished or, where there are checkpoints, left to be resumed. */
  stop(): void {
    this.#isStopping = true;
    this.#readingEnd.abort();
    this.#turns.wake();
  }

  /** Resolves once a checkpoint has been taken between two batches. */
  async checkpoint(): Promise<void> {
    if (this.#checkpointing === undefined) {
      const advice = 'Give the run option checkpoint: { store }.';
      throw optionRange(this.#flow.name, 'checkpoint', 'a store to keep it in', undefined, advice);
    }
    await this.#checkpointing.ask();
  }

  async #run(): Promise<Report> {
    const checkpoint = await this.#checkpointing?.newest();
    this.#throwFailure();
    if (checkpoint !== undefined) {
      this.#progress.resume(checkpoint.counts, checkpoint.bytesOut);
      this.#resumedAt = checkpoint.counts.batches;
      this.#position = checkpoint.sourcePosition[0];
      if (checkpoint.complete) return this.#report(true);
      this.#chain.restore(checkpoint.steps.map(({ bytes }) => bytes));
    }
    await this.#delivery.open(checkpoint?.sinkPosition);
    const isAtEnd = await this.#readAll();
    if (this.#checkpointing?.isUpToDate === false) await this.#takeCheckpoint(false);
    if (isAtEnd || this.#checkpointing === undefined) await this.#finish(isAtEnd);
    else await this.#delivery.close();
    return this.#report(isAtEnd);
  }

  /** Pulls and pushes until the source ends (true) or the run is stopped (false). */
  async #readAll(): Promise<boolean> {
    const reading = new Reading(
      this.#flow.source,
      this.#position,
      this.#readingEnd.signal,
      () => this.#turns.wake(),
      (error) => this.#fail(error),
    );
    try {
      for (;;) {
        const pause = await this.#turns.until(() => this.#turn(reading));
        if (pause === 'end' || pause === 'stop') return pause === 'end';
        if (pause === 'checkpoint') await this.#takeCheckpoint(false);
        else await this.#turns.rest();
      }
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      await reading.end();
    }
  }

  /** Pulls and pushes as far as nothing must be waited for. */
  #turn(reading: Reading): Pause | undefined {
    for (;;) {
      this.#throwFailure();
      if (this.#isStopping) return 'stop';
      if (this.#checkpointing?.isDue) return 'checkpoint';
      const arrived = reading.take();
      if (arrived?.done) return 'end';
      const inFlight = this.#delivery.inFlight + (arrived === undefined ? 0 : 1);
      const hasAsked = inFlight < this.#credit && reading.ask();
      if (arrived !== undefined) {
        this.#push(arrived.value);
        if (this.#turns.isLong) return 'rest';
      } else if (!hasAsked) return undefined;
    }
  }

  #push(sourced: Sourced): void {
    this.#chain.push(sourced.batch, this.#progress.batches);
    this.#position = sourced.next;
    this.#progress.count(sourced);
    this.#checkpointing?.count();
    this.#delivery.send();
  }

  async #takeCheckpoint(complete: boolean): Promise<void> {
    await this.#drained();
    await this.#checkpointing!.take({
      sourcePosition: this.#position === undefined ? [] : [this.#position],
      sinkPosition: complete ? null : await this.#delivery.position(),
      counts: this.#progress.counts,
      bytesOut: this.#delivery.bytes,
      complete,
      states: complete ? [] : this.#chain.snapshots(),
    });
  }

  /** Flushes the steps behind the last checkpoint, so that a run that resumes from it flushes them again. */
  async #finish(isAtEnd: boolean): Promise<void> {
    this.#chain.flush();
    this.#delivery.send();
    await this.#drained();
    await this.#delivery.finish();
    if (isAtEnd && this.#checkpointing !== undefined) await this.#takeCheckpoint(true);
  }

  async #drained(): Promise<void> {
    await this.#delivery.drained();
    this.#throwFailure();
  }

  /** Ends the run with the first error there was. */
  #fail(error: unknown): { readonly error: unknown } {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = { error };
    this.#readingEnd.abort(error);
    this.#writingEnd.abort(error);
    this.#turns.wake();
    return this.#failure;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #report(complete: boolean): Report {
    const { rows, batches, bytesIn, bytesOut, seconds } = this.#progress.end();
    return { rows, batches, bytesIn, bytesOut, seconds, resumedAt: this.#resumedAt, complete };
  }
}
