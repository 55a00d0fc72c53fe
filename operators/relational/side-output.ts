/**
 * A sink beside a dataflow's own: what a step sends there is written before its next batch comes, and belongs to the same
 * checkpoints.
 */
import type { RecordBatch } from 'apache-arrow';
import type { Sink, SinkWriter } from '../../src/sink.js';
import { pack, unpack } from '../../src/snapshot.js';
import type { Position } from '../../src/source.js';

export class SideOutput {
  readonly #sink: Sink;
  readonly #end = new AbortController();
  #resume: Position | undefined;
  #writer: SinkWriter | undefined;
  #hasSchema = false;
  #isKept = false;
  #isFinished = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Writes rows; of batches without rows the first alone, so that the sink knows the schema. */
  async write(batch: RecordBatch): Promise<void> {
    if (batch.numRows === 0 && this.#hasSchema) return;
    this.#hasSchema = true;
    await (await this.#open()).write(batch);
  }

  async finish(): Promise<void> {
    await (await this.#open()).finish();
    this.#isFinished = true;
  }

  /** Makes everything so far durable; `restore` takes what it gives. */
  async position(): Promise<Uint8Array> {
    this.#isKept = true;
    this.#resume = await (await this.#open()).position();
    return pack(this.#resume);
  }

  /** A checkpoint with the last position is kept. */
  async committed(): Promise<void> {
    if (this.#resume !== undefined) await (await this.#open()).committed?.(this.#resume);
  }

  restore(position: Uint8Array): void {
    this.#isKept = true;
    this.#resume = unpack(position) as Position;
  }

  /** What was written stays for a later resume where a checkpoint knows of it. */
  async close(): Promise<void> {
    this.#end.abort();
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined && !this.#isFinished) await writer.abandon(this.#isKept);
  }

  async #open(): Promise<SinkWriter> {
    this.#writer ??= await this.#sink.open(this.#resume, this.#end.signal);
    return this.#writer;
  }
}
