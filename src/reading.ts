/**
 * The source's side of a run: one batch is asked for at a time, and its arrival is told; the source hears up to where its
 * batches are done with.
 */
import { Commits } from './commits.js';
import { DataflowError, reason, sourceFailed } from './errors.js';
import { patiently } from './patience.js';
import type { Position, Source, Sourced, SourceReading } from './source.js';

export class Reading {
  readonly #name: string;
  readonly #signal: AbortSignal;
  readonly #reading: SourceReading;
  readonly #iterator: AsyncIterator<Sourced>;
  readonly #commits: Commits | undefined;
  readonly #onArrival: (result: IteratorResult<Sourced>) => void;
  readonly #onError: (error: unknown) => void;
  #arrived: IteratorResult<Sourced> | undefined;
  #isAsked = false;
  #isOver = false;

  /** `tell` is called when a batch or the end has arrived, `fail` once when reading fails. */
  constructor(
    source: Source,
    from: Position | undefined,
    signal: AbortSignal,
    tell: () => void,
    fail: (error: unknown) => void,
  ) {
    this.#name = source.name;
    this.#signal = signal;
    this.#reading = this.#attempt(() => source.read(from, signal));
    this.#iterator = this.#attempt(() => this.#reading[Symbol.asyncIterator]());
    if (this.#reading.committed !== undefined) {
      const tell = (position: Position) => this.#reading.committed?.(position);
      this.#commits = new Commits(tell, (error) => fail(this.#failed(error, 'hearing what is done with')));
    }
    this.#onArrival = (result) => {
      this.#arrived = result;
      this.#isOver = result.done === true;
      tell();
    };
    this.#onError = (error) => {
      this.#isOver = true;
      if (!signal.aborted) fail(this.#failed(error));
    };
  }

  /** Asks for the next batch; false where it was asked for before. */
  ask(): boolean {
    if (this.#isAsked) return false;
    this.#isAsked = true;
    this.#iterator.next().then(this.#onArrival, this.#onError);
    return true;
  }

  /** What has arrived, once. */
  take(): IteratorResult<Sourced> | undefined {
    const result = this.#arrived;
    if (result === undefined) return undefined;
    this.#arrived = undefined;
    this.#isAsked = false;
    return result;
  }

  /** Lets a source that was told to stop clean up; what fails there is of no more interest. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const cleanUp = async () => void (await this.#iterator.return?.());
    await patiently(cleanUp(), this.#signal).catch(() => {});
  }

  /** Whether the source wants to hear what is done with. */
  get hears(): boolean {
    return this.#commits !== undefined;
  }

  /** Everything up to the position is done with; the source hears of it without being waited for. */
  commit(position: Position): void {
    this.#commits?.add(position);
  }

  /** Resolves once the source has heard all; `signal` tells how long it is waited for. */
  async settled(signal: AbortSignal): Promise<void> {
    if (this.#commits !== undefined) await patiently(this.#commits.settled(), signal);
  }

  /** Lets go of the source, behind everything else. */
  async close(): Promise<void> {
    if (this.#reading.close === undefined) return;
    const close = async () => this.#reading.close?.();
    await patiently(close(), AbortSignal.abort()).catch(() => {});
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown, what = 'reading'): DataflowError {
    if (error instanceof DataflowError) return error;
    const expected = what === 'reading' ? 'the next batch' : 'to go on';
    return sourceFailed(this.#name, what, expected, reason(error), error);
  }
}
