/**
 * The source's side of a run: one batch is asked for at a time, and its arrival is told.
 */
import { DataflowError, reason, sourceFailed } from './errors.js';
import { patiently } from './patience.js';
import type { Position, Source, Sourced } from './source.js';

export class Reading {
  readonly #name: string;
  readonly #signal: AbortSignal;
  readonly #iterator: AsyncIterator<Sourced>;
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
    this.#iterator = this.#begin(source, from);
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

  #begin(source: Source, from: Position | undefined): AsyncIterator<Sourced> {
    try {
      return source.read(from, this.#signal)[Symbol.asyncIterator]();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): DataflowError {
    if (error instanceof DataflowError) return error;
    return sourceFailed(this.#name, 'reading', 'the next batch', reason(error), error);
  }
}
