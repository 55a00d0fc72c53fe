/**
 * Runs a dataflow: pull, push, acknowledge, checkpoint, resume.
 *
 * A source batch is asked for only while fewer than `credit` are between source and sink. It goes through all steps at
 * once; what comes out is written in order, and the next batch is pulled meanwhile. A checkpoint waits until the sink
 * has acknowledged everything, so it needs no barriers.
 */
import type { RecordBatch } from 'apache-arrow';
import { Chain } from './chain.js';
import { type Checkpoint, Checkpoints, type Counts, refuseForeign, type Shape } from './checkpoint.js';
import type { CheckpointStore } from './checkpoint-store.js';
import { batchBytes } from './columns.js';
import type { Dataflow } from './dataflow.js';
import { DataflowError, reason, sinkFailed, sourceFailed } from './errors.js';
import { checked, finiteNumber, integer } from './options.js';
import { type OnProgress, Progress } from './progress.js';
import type { SinkWriter } from './sink.js';
import type { Position, Sourced } from './source.js';

export interface CheckpointOptions {
  readonly store: CheckpointStore;
  /** A checkpoint after so many source batches, 1 … 2^31 − 1 (default 64). */
  readonly everyBatches?: number;
  /** And at the latest so many seconds after the one before, above 0 (default: no limit). */
  readonly everySeconds?: number;
  /** Forget earlier checkpoints and start from the beginning (default false). */
  readonly restart?: boolean;
}

export interface RunOptions {
  readonly checkpoint?: CheckpointOptions;
  /** The most source batches between source and sink, 1 … 1024 (default 2). */
  readonly credit?: number;
  /** Ends the run with the signal's reason. What was checkpointed can be resumed. */
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** The least milliseconds between two calls of `onProgress`, 0 … 3,600,000 (default 100). */
  readonly progressMs?: number;
  /** Hears of skipped checkpoints; by default they go to the console's standard error. */
  readonly onWarning?: (message: string) => void;
}

export interface Report extends Counts {
  readonly bytesOut: number;
  /** Of this run alone. */
  readonly seconds: number;
  /** Source batches that an earlier run had done, or null where this run began at the beginning. */
  readonly resumedAt: number | null;
  /** False where the run was stopped before the source's end. */
  readonly complete: boolean;
}

export type Flow = Pick<Dataflow, 'name' | 'source' | 'steps' | 'sink'>;

export const runFlow = (flow: Flow, options: RunOptions): Promise<Report> => new Run(flow, options).drive();

export class Run {
  readonly #flow: Flow;
  readonly #shape: Shape;
  readonly #options: RunOptions;
  readonly #credit: number;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #chain: Chain;
  readonly #progress: Progress;
  readonly #stopReading = new AbortController();
  readonly #onBatch: ((batch: RecordBatch) => void) | undefined;
  #writer: SinkWriter | undefined;
  #outputs: RecordBatch[] = [];
  #writing: Promise<void> | undefined;
  #inFlight = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Wakes the loop that waits for the source or for room. */
  #wake: () => void = () => {};
  #position: Position | undefined;
  #counts: Counts = { rows: 0, batches: 0, bytesIn: 0 };
  #resumedAt: number | null = null;
  #checkpointedAt = { batches: 0, ms: 0 };
  #hasCheckpoint = false;
  #isStopping = false;
  #asked: (() => void)[] = [];

  constructor(flow: Flow, options: RunOptions, onBatch?: (batch: RecordBatch) => void) {
    const { checkpoint } = options;
    const { credit } = checked(flow.name, options, RUN_OPTIONS, () => ({
      credit: integer({ credit: options.credit ?? 2 }, 1, 1024),
      progressMs: integer({ progressMs: options.progressMs ?? 100 }, 0, 3_600_000),
      everyBatches: integer({ everyBatches: checkpoint?.everyBatches ?? 64 }, 1, 2 ** 31 - 1),
      everySeconds: finiteNumber({ everySeconds: checkpoint?.everySeconds ?? 1e9 }, 1e-3, 1e9),
    }));
    this.#flow = flow;
    this.#options = options;
    this.#credit = credit;
    this.#onBatch = onBatch;
    const warn = options.onWarning ?? ((message) => console.warn(message));
    this.#checkpoints = checkpoint && new Checkpoints(checkpoint.store, warn);
    this.#progress = new Progress(options.onProgress, options.progressMs ?? 100);
    this.#shape = {
      flow: flow.name,
      source: flow.source.name,
      sink: flow.sink.name,
      steps: flow.steps.map(({ id, operator: { description } }) => {
        const { name, version, options, layout } = description;
        return { id, name, version, options, layout };
      }),
    };
    const contextOf = ({ id }: { id: string }) =>
      checkpoint ? { spill: () => checkpoint.store.spill(id) } : {};
    this.#chain = new Chain(flow.steps, contextOf, (batch) => void this.#outputs.push(batch));
  }

  /** Runs to the end, and cleans up on every way out. */
  async drive(): Promise<Report> {
    const { signal } = this.#options;
    const onAbort = () => {
      this.#fail(signal!.reason);
      this.#stopReading.abort(signal!.reason);
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', onAbort);
    try {
      const checkpoint = await this.#newestCheckpoint();
      if (checkpoint?.complete) return this.#report(true);
      this.#writer = await this.#open(checkpoint?.sinkPosition);
      await this.#readAll();
      return await this.#finish();
    } catch (error) {
      await this.#abandon();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#answerAsked();
    }
  }

  /** Stops reading; what was read is finished or, where there are checkpoints, left to be resumed. */
  stop(): void {
    this.#isStopping = true;
    this.#stopReading.abort();
    this.#wake();
  }

  /** Resolves once a checkpoint has been taken between the next two batches. */
  checkpoint(): Promise<void> {
    const taken = new Promise<void>((resolve) => this.#asked.push(resolve));
    this.#wake();
    return taken;
  }

  async #newestCheckpoint(): Promise<Checkpoint | undefined> {
    if (this.#options.checkpoint?.restart) await this.#options.checkpoint.store.clear();
    const checkpoint = await this.#checkpoints?.newest(this.#flow.name);
    if (checkpoint === undefined) return undefined;
    refuseForeign(this.#shape, checkpoint);
    this.#hasCheckpoint = true;
    this.#counts = checkpoint.counts;
    this.#resumedAt = checkpoint.counts.batches;
    this.#position = checkpoint.sourcePosition[0];
    if (!checkpoint.complete) this.#chain.restore(checkpoint.steps.map(({ bytes }) => bytes));
    return checkpoint;
  }

  async #open(position: Position | undefined): Promise<SinkWriter> {
    const { sink } = this.#flow;
    return told(
      () => sink.open(position, this.#stopReading.signal),
      (error) => sinkFailed(sink.name, 'opening', 'a place to write to', reason(error), error),
    );
  }

  async #readAll(): Promise<void> {
    this.#checkpointedAt = { batches: this.#counts.batches, ms: performance.now() };
    const { source } = this.#flow;
    const iterator = source.read(this.#position, this.#stopReading.signal)[Symbol.asyncIterator]();
    let pending: Promise<IteratorResult<Sourced>> | undefined;
    let isDone = false;
    try {
      for (;;) {
        this.#throwFailure();
        if (this.#isStopping) break;
        if (this.#checkpointIsDue()) await this.#takeCheckpoint(false);
        if (this.#inFlight >= this.#credit) {
          await this.#event(this.#writing!);
          continue;
        }
        pending ??= iterator.next();
        const result = await this.#event(pending);
        if (result === undefined) continue;
        pending = undefined;
        isDone = result.done === true;
        if (result.done) break;
        this.#push(result.value);
      }
    } catch (error) {
      if (error instanceof DataflowError || error === this.#failure?.error) throw error;
      throw sourceFailed(source.name, 'reading', 'the next batch', reason(error), error);
    } finally {
      if (!isDone) await endReading(iterator, pending);
    }
    await this.#drained();
  }

  /** What a promise resolves to, or undefined when something else happened first that the loop must look at. */
  #event<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      promise.then(resolve, reject);
    });
  }

  #push({ batch, next }: Sourced): void {
    this.#chain.push(batch, this.#counts.batches);
    this.#position = next;
    const { rows, batches, bytesIn } = this.#counts;
    this.#counts = { rows: rows + batch.numRows, batches: batches + 1, bytesIn: bytesIn + batchBytes(batch) };
    this.#write();
  }

  /** Hands what came out of the steps to the sink, behind what it still writes. */
  #write(): void {
    const outputs = this.#outputs;
    this.#outputs = [];
    this.#inFlight++;
    this.#writing = this.#writeAll(this.#writing, outputs);
  }

  async #writeAll(before: Promise<void> | undefined, outputs: readonly RecordBatch[]): Promise<void> {
    try {
      await before;
      if (this.#failure !== undefined) return;
      for (const batch of outputs) {
        const written = this.#writer!.write(batch);
        if (written !== undefined) await written;
        this.#onBatch?.(batch);
      }
      this.#inFlight--;
      this.#progress.tell(() => this.#state());
    } catch (error) {
      const { name } = this.#flow.sink;
      this.#fail(
        error instanceof DataflowError
          ? error
          : sinkFailed(name, 'writing', 'room for a batch', reason(error), error),
      );
    }
  }

  async #drained(): Promise<void> {
    await this.#writing;
    this.#throwFailure();
  }

  #checkpointIsDue(): boolean {
    const { checkpoint } = this.#options;
    if (this.#asked.length > 0) return true;
    if (checkpoint === undefined) return false;
    const batches = this.#counts.batches - this.#checkpointedAt.batches;
    if (batches === 0) return false;
    const { everyBatches = 64, everySeconds = Number.POSITIVE_INFINITY } = checkpoint;
    return batches >= everyBatches || performance.now() - this.#checkpointedAt.ms >= everySeconds * 1000;
  }

  async #takeCheckpoint(complete: boolean): Promise<void> {
    await this.#drained();
    if (this.#checkpoints !== undefined) {
      const snapshots = complete ? [] : this.#chain.snapshots();
      await this.#checkpoints.write({
        ...this.#shape,
        sourcePosition: this.#position === undefined ? [] : [this.#position],
        sinkPosition: complete ? null : await this.#writer!.position(),
        counts: this.#counts,
        complete,
        steps: this.#shape.steps.map((step, i) => ({ ...step, bytes: snapshots[i] ?? new Uint8Array() })),
      });
      this.#hasCheckpoint = true;
    }
    this.#checkpointedAt = { batches: this.#counts.batches, ms: performance.now() };
    this.#answerAsked();
  }

  /** The last checkpoint is taken before the steps are flushed, so that resuming from it flushes them again. */
  async #finish(): Promise<Report> {
    if (this.#checkpoints !== undefined) await this.#takeCheckpoint(false);
    if (this.#isStopping && this.#checkpoints !== undefined) {
      await this.#writer!.abandon(true);
      return this.#report(false);
    }
    this.#chain.flush();
    this.#write();
    await this.#drained();
    await told(
      () => this.#writer!.finish(),
      (error) => sinkFailed(this.#flow.sink.name, 'finishing', 'a complete output', reason(error), error),
    );
    if (this.#checkpoints !== undefined && !this.#isStopping) await this.#takeCheckpoint(true);
    return this.#report(!this.#isStopping);
  }

  async #abandon(): Promise<void> {
    await this.#writing;
    try {
      await this.#writer?.abandon(this.#hasCheckpoint);
    } catch {
      // The error that led here says more than one from cleaning up behind it.
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #answerAsked(): void {
    for (const answer of this.#asked.splice(0)) answer();
  }

  #state() {
    return { ...this.#counts, bytesOut: this.#writer?.bytes ?? 0, inFlight: this.#inFlight };
  }

  #report(complete: boolean): Report {
    const { inFlight: _, ...state } = this.#state();
    const seconds = this.#progress.end(() => this.#state());
    return { ...state, seconds, resumedAt: this.#resumedAt, complete };
  }
}

const RUN_OPTIONS: readonly (keyof RunOptions)[] = ['checkpoint', 'signal', 'onProgress', 'onWarning'];

/** Runs some work of a sink; what it throws becomes our error unless it is one already. */
async function told<T>(work: () => T | Promise<T>, failure: (error: unknown) => DataflowError): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DataflowError ? error : failure(error);
  }
}

/** Lets a source clean up. One that still waits for input is not waited for: it has the aborted signal. */
async function endReading(
  iterator: AsyncIterator<Sourced>,
  pending: Promise<unknown> | undefined,
): Promise<void> {
  pending?.catch(() => {});
  const ended = iterator.return?.();
  if (pending === undefined) await ended;
  else ended?.catch(() => {});
}
