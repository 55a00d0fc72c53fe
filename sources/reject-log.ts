/**
 * Where rows go that could not be read: to a sink, with the place and the reason.
 */
import { Field, Int64, Schema, Utf8 } from 'apache-arrow';
import { newBatch } from '../src/columns.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import { columnBuilder } from './column-builder.js';

export interface Reject {
  readonly line: number;
  readonly column: string | null;
  readonly reason: string;
  /** The record as it stands in the input. */
  readonly text: string;
}

const text = (name: string, nullable: boolean) => new Field(name, new Utf8(), nullable);
const schema = new Schema([
  text('file', false),
  new Field('line', new Int64(), false),
  text('column', true),
  text('reason', false),
  text('text', false),
]);
const types = ['utf8', 'int64', 'utf8', 'utf8', 'utf8'] as const;

/** Rejects are written in batches, before the batch of good rows that they were read with. */
export class RejectLog {
  readonly #file: string;
  readonly #writer: SinkWriter;
  #pending: Reject[] = [];
  #position: Position;

  private constructor(file: string, writer: SinkWriter, position: Position) {
    this.#file = file;
    this.#writer = writer;
    this.#position = position;
  }

  static async open(
    file: string,
    sink: Sink,
    resume: Position | undefined,
    signal: AbortSignal,
  ): Promise<RejectLog> {
    const writer = await sink.open(resume, signal);
    if (resume === undefined) await writer.write(rejectBatch(file, []));
    return new RejectLog(file, writer, resume ?? (await writer.position()));
  }

  add(reject: Reject): void {
    this.#pending.push(reject);
  }

  /** How many wait to be written. */
  get pending(): number {
    return this.#pending.length;
  }

  /** The sink's position behind every reject so far. */
  async position(): Promise<Position> {
    if (this.#pending.length > 0) {
      await this.write();
      this.#position = await this.#writer.position();
    }
    return this.#position;
  }

  async write(): Promise<void> {
    if (this.#pending.length > 0) await this.#writer.write(rejectBatch(this.#file, this.#pending));
    this.#pending = [];
  }

  async finish(): Promise<void> {
    await this.write();
    await this.#writer.finish();
  }

  /** Leaves what was written for a later resume. */
  async abandon(): Promise<void> {
    await this.#writer.abandon(true);
  }
}

function rejectBatch(file: string, rejects: readonly Reject[]) {
  const builders = types.map(columnBuilder);
  rejects.forEach(({ line, column, reason, text }, row) => {
    const cells = [file, line, column, reason, text];
    for (let c = 0; c < cells.length; c++) builders[c]!.set(row, cells[c]);
  });
  const children = builders.map((builder) => builder.finish(rejects.length));
  return newBatch(schema, rejects.length, children);
}
