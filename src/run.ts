/**
 * Runs a dataflow: pull, push, acknowledge, checkpoint, resume.
 *
 * 1. A source batch is asked for only while fewer than `credit` are between source and sink.
 * 2. It goes through all synchronous steps at once, and waits in front of asynchronous ones; what comes out is written in
 *    order, and the next batch is pulled meanwhile.
 * 3. A checkpoint waits until the sink has acknowledged everything, so it needs no barriers. Source and sink hear of it.
 * 4. The first error, of whatever part, ends the run: source and sink are told by their signals, and left in order.
 */
import type { RecordBatch } from 'apache-arrow';
import { Checkpointing } from './checkpointing.js';
import { Delivery } from './delivery.js';
import { optionRange, reason } from './errors.js';
import { type Flow, sinksOf } from './flow.js';
import { type Meter, Meters } from './meters.js';
import { Pipeline } from './pipeline.js';
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
  readonly #warn: (message: string) => void;
  readonly #checkpointing: Checkpointing | undefined;
  readonly #pipeline: Pipeline;
  readonly #delivery: Delivery;
  readonly #progress: Progress;
  readonly #source: Meter | undefined;
  /** Aborts when the source shall give no more. */
  readonly #readingEnd = new AbortController();
  /** Aborts when the sink shall take no more. */
  readonly #writingEnd = new AbortController();
  /** In each turn the run looks at everything anew. */
  readonly #turns = new Turns();
  #failure: { readonly error: unknown } | undefined;
  #isStopping = false;
  #reading: Reading | undefined;
  #position: Position | undefined;
  /** Without checkpoints: the positions behind the batches in flight, for a source that wants to hear of them. */
  readonly #unacknowledged: Position[] = [];
  #resumedAt: number | null = null;

  constructor(flow: Flow, options: RunOptions, onBatch: (batch: RecordBatch) => void = () => {}) {
    const { credit, progressMs } = checkRunOptions(flow.name, options);
    const {
      checkpoint,
      onProgress = [],
      onStepBatch,
      onWarning = (message) => console.warn(message),
    } = options;
    const listeners = typeof onProgress === 'function' ? [onProgress] : onProgress;
    const isHeard = listeners.length > 0 || onStepBatch !== undefined;
    const meters = isHeard ? new Meters(onStepBatch) : undefined;
    this.#flow = flow;
    this.#options = options;
    this.#warn = onWarning;
    this.#checkpointing =
      checkpoint && new Checkpointing(flow, checkpoint, onWarning, () => this.#turns.wake());
    this.#delivery = new Delivery(flow.sink, credit, this.#writingEnd.signal, {
      onBatch,
      onRoom: () => this.#onAcknowledged(),
      onError: (error) => this.#fail(error),
    });
    this.#pipeline = new Pipeline(
      flow.steps,
      ({ id }) => this.#checkpointing?.contextOf(id) ?? {},
      this.#delivery,
      this.#writingEnd.signal,
      { onRoom: () => this.#onRoom(), onError: (error) => this.#fail(error) },
      meters,
    );
    this.#progress = new Progress(listeners, progressMs, {
      flow,
      pipeline: this.#pipeline,
      sink: this.#delivery,
      checkpoints: this.#checkpointing,
      meters,
    });
    this.#source = meters?.source;
    // A step whose state cannot be saved says so now, and not at the first checkpoint.
    if (checkpoint) this.#pipeline.refuseUnsaved();
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
      this.#progress.stop();
      await this.#pipeline.close().catch((error) => this.#warn(reason(error)));
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
    }
    await this.#delivery.open(checkpoint?.sinkPosition);
    await this.#pipeline.open();
    if (checkpoint !== undefined) {
      await this.#pipeline.restore(checkpoint.steps.map(({ bytes }) => bytes));
      await this.#delivery.committed(checkpoint.sinkPosition);
      await this.#pipeline.committed();
    } else if (this.#checkpointing && sinksOf(this.#flow).some(({ checkpointFirst }) => checkpointFirst))
      await this.#takeCheckpoint(false);
    this.#progress.begin();
    const reading = this.#beginReading();
    try {
      const isAtEnd = await this.#readAll(reading);
      if (this.#checkpointing?.isUpToDate === false) await this.#takeCheckpoint(false);
      if (isAtEnd || this.#checkpointing === undefined) await this.#finish(isAtEnd);
      else await this.#delivery.close();
      await reading.settled(this.#writingEnd.signal);
      this.#throwFailure();
      return this.#report(isAtEnd);
    } catch (error) {
      this.#fail(error);
      await reading.settled(this.#writingEnd.signal).catch(() => {});
      throw error;
    } finally {
      await reading.close();
    }
  }

  /** Opens the source; it hears at once what a checkpoint holds, since it may have been killed before it did. */
  #beginReading(): Reading {
    const { source } = this.#flow;
    const wake = () => this.#turns.wake();
    const fail = (error: unknown) => void this.#fail(error);
    const reading = new Reading(source, this.#position, this.#readingEnd.signal, wake, fail);
    this.#reading = reading;
    if (this.#position !== undefined) reading.commit(this.#position);
    return reading;
  }

  /** Pulls and pushes until the source ends (true) or the run is stopped (false). */
  async #readAll(reading: Reading): Promise<boolean> {
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
      const hasAsked = this.#pipeline.hasRoom(arrived === undefined ? 0 : 1) && reading.ask();
      if (arrived !== undefined) {
        this.#push(arrived.value);
        if (this.#turns.isLong) return 'rest';
      } else if (!hasAsked) return undefined;
    }
  }

  #push(sourced: Sourced): void {
    if (this.#checkpointing === undefined && this.#reading!.hears) this.#unacknowledged.push(sourced.next);
    const number = this.#progress.batches;
    this.#position = sourced.next;
    this.#progress.count(sourced);
    this.#source?.out(sourced.batch);
    this.#checkpointing?.count();
    this.#pipeline.push(sourced.batch, number);
  }

  /** The sink has all of the oldest source batch in flight. */
  #onAcknowledged(): void {
    if (this.#unacknowledged.length > 0) this.#reading!.commit(this.#unacknowledged.shift()!);
    this.#progress.acknowledge();
    this.#pipeline.wake();
    this.#onRoom();
  }

  #onRoom(): void {
    this.#progress.tell();
    this.#turns.wake();
  }

  async #takeCheckpoint(complete: boolean): Promise<void> {
    await this.#drained();
    const sinkPosition = complete ? null : await this.#delivery.position();
    await this.#checkpointing!.take({
      sourcePosition: this.#position === undefined ? [] : [this.#position],
      sinkPosition,
      counts: this.#progress.counts,
      bytesOut: this.#delivery.bytes,
      complete,
      states: complete ? [] : await this.#pipeline.snapshots(),
    });
    if (!complete) {
      await this.#delivery.committed(sinkPosition);
      await this.#pipeline.committed();
    }
    if (this.#position !== undefined) this.#reading?.commit(this.#position);
  }

  /** Flushes the steps behind the last checkpoint, so that a run that resumes from it flushes them again. */
  async #finish(isAtEnd: boolean): Promise<void> {
    await this.#pipeline.flush();
    this.#throwFailure();
    await this.#delivery.finish();
    if (isAtEnd && this.#checkpointing !== undefined) await this.#takeCheckpoint(true);
  }

  async #drained(): Promise<void> {
    await this.#pipeline.drained();
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
    const { rows, batches, bytesIn, skipped, rejected, bytesOut, seconds } = this.#progress.end();
    const counts = { rows, batches, bytesIn, skipped, rejected, bytesOut, seconds };
    const guarantee = (this.#checkpointing && this.#flow.guarantee) ?? null;
    return { ...counts, resumedAt: this.#resumedAt, complete, guarantee };
  }
}
