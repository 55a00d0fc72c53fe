/**
 * The sink's side of a run: what comes out of the steps is written in order, one call at a time. A source batch is in
 * flight until all that it became is written; a sink that answers at once is not waited for.
 */
import type { RecordBatch } from 'apache-arrow';
import { DataflowError, reason, sinkFailed } from './errors.js';
import type { Emit } from './operator.js';
import { patiently } from './patience.js';
import type { Sink, SinkWriter } from './sink.js';
import type { Position } from './source.js';
import type { Stage } from './stage.js';

export interface DeliveryListener {
  /** The sink has one batch more. */
  onBatch(batch: RecordBatch): void;
  /** A source batch is no longer in flight. */
  onRoom(): void;
  /** Writing has failed, and nothing more is written. */
  onError(error: unknown): void;
}

export class Delivery implements Stage {
  readonly credit: number;
  readonly #sink: Sink;
  readonly #signal: AbortSignal;
  readonly #listener: DeliveryListener;
  #writer: SinkWriter | undefined;
  /** What the steps have made so far of the batch that is in them. */
  #made: RecordBatch[] = [];
  /** What they made of earlier ones, the oldest first; of that, `#begun` batches are with the sink. */
  readonly #queue: RecordBatch[][] = [];
  #begun = 0;
  /** Resolves when the sink has answered; there where it was asked something and has not. */
  #pending: Promise<void> | undefined;
  #isClosed = false;

  constructor(sink: Sink, credit: number, signal: AbortSignal, listener: DeliveryListener) {
    this.credit = credit;
    this.#sink = sink;
    this.#signal = signal;
    this.#listener = listener;
  }

  /** Source batches of which the sink lacks a part. */
  get inFlight(): number {
    return this.#queue.length;
  }

  get bytes(): number {
    return this.#writer?.bytes ?? 0;
  }

  /** Takes what a step emits; nothing of it is written before `send`. */
  readonly take: Emit = (batch) => {
    this.#made.push(batch);
  };

  async open(resume: Position | undefined): Promise<void> {
    const opening = this.#told('opening', 'a place to write to', () => this.#sink.open(resume, this.#signal));
    try {
      this.#writer = await patiently(opening, this.#signal);
    } catch (error) {
      opening.then((late) => late.abandon(resume !== undefined)).catch(() => {});
      throw error;
    }
  }

  /** Sends on what was made of one source batch, behind what the sink still writes. */
  send(): void {
    this.#queue.push(this.#made);
    this.#made = [];
    if (this.#pending === undefined) this.#write();
  }

  /** Resolves once nothing is in flight any more, or once writing has failed. */
  async drained(): Promise<void> {
    while (this.#pending !== undefined) await patiently(this.#pending, this.#signal);
  }

  position(): Promise<Position> {
    return this.#asked('telling its position', 'what was written to last', (writer) => writer.position());
  }

  /** Tells the sink that a checkpoint with this position of its own is kept. */
  async committed(position: Position): Promise<void> {
    if (this.#writer?.committed === undefined) return;
    await this.#asked('hearing of a checkpoint', 'to go on', (writer) => writer.committed?.(position));
  }

  /** Makes the output complete. There is no way back from here. */
  async finish(): Promise<void> {
    await this.#asked('finishing', 'a complete output', (writer) => writer.finish());
    this.#isClosed = true;
  }

  /** Closes the sink, which keeps what it has for a resume. */
  async close(): Promise<void> {
    await this.#asked('closing', 'to keep what was written', (writer) => writer.abandon(true));
    this.#isClosed = true;
  }

  /** Closes the sink after an error, which says more than one from cleaning up behind it. */
  async abandon(keep: boolean): Promise<void> {
    if (this.#isClosed || this.#writer === undefined) return;
    await patiently(this.#pending ?? Promise.resolve(), this.#signal).catch(() => {});
    await this.#asked('closing', 'to let go', (writer) => writer.abandon(keep)).catch(() => {});
  }

  /** Writes until all is written, or until the sink wants to be waited for. */
  #write(): void {
    for (let made = this.#queue[0]; made !== undefined; made = this.#queue[0]) {
      while (this.#begun < made.length) {
        const batch = made[this.#begun++]!;
        const written = this.#writeOne(batch);
        if (written !== undefined) {
          this.#pending = written.then(this.#onWritten, this.#onFailed);
          return;
        }
        this.#listener.onBatch(batch);
      }
      this.#queue.shift();
      this.#begun = 0;
      this.#listener.onRoom();
    }
  }

  #writeOne(batch: RecordBatch): Promise<void> | undefined {
    try {
      return this.#writer!.write(batch) ?? undefined;
    } catch (error) {
      throw this.#failed('writing', 'room for a batch', error);
    }
  }

  readonly #onWritten = (): void => {
    this.#pending = undefined;
    if (this.#signal.aborted) return;
    try {
      this.#listener.onBatch(this.#queue[0]![this.#begun - 1]!);
      this.#write();
    } catch (error) {
      this.#listener.onError(error);
    }
  };

  readonly #onFailed = (error: unknown): void => {
    this.#pending = undefined;
    this.#listener.onError(this.#failed('writing', 'room for a batch', error));
  };

  #asked<T>(what: string, expected: string, ask: (writer: SinkWriter) => T | Promise<T>): Promise<T> {
    const answer = this.#told(what, expected, () => ask(this.#writer!));
    const settled = () => {
      this.#pending = undefined;
    };
    this.#pending = answer.then(settled, settled);
    return patiently(answer, this.#signal);
  }

  /** Runs some work of the sink; what it throws becomes our error unless it is one already. */
  async #told<T>(what: string, expected: string, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#failed(what, expected, error);
    }
  }

  #failed(what: string, expected: string, error: unknown): DataflowError {
    if (error instanceof DataflowError) return error;
    return sinkFailed(this.#sink.name, what, expected, reason(error), error);
  }
}
