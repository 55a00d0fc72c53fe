/**
 * A query as a step: rows are gathered into units, each is asked about, late rows go to their sink.
 */
import type { RecordBatch } from 'apache-arrow';
import type { OpenAsyncOperator } from '../../src/async-operator.js';
import type { Sink } from '../../src/sink.js';
import { pack, unpack } from '../../src/snapshot.js';
import { SideOutput } from './side-output.js';
import type { CheckedSql } from './sql.js';
import type { SqlSession } from './sql-session.js';
import { type Unit, type Units, unitsOf } from './sql-units.js';

export class SqlStep implements OpenAsyncOperator {
  readonly #session: SqlSession;
  readonly #units: Units;
  readonly #side: SideOutput | undefined;

  constructor({ per }: CheckedSql, session: SqlSession, late: Sink | undefined) {
    this.#session = session;
    this.#units = unitsOf(per);
    this.#side = late && new SideOutput(late);
  }

  async step(batch: RecordBatch, signal: AbortSignal): Promise<RecordBatch[]> {
    const units = this.#units.take(batch);
    if (this.#side !== undefined && this.#units.late !== undefined) await this.#side.write(this.#units.late);
    return this.#askAll(units, signal);
  }

  async flush(signal: AbortSignal): Promise<RecordBatch[]> {
    const answers = await this.#askAll(this.#units.end(), signal);
    await this.#side?.finish();
    return answers;
  }

  async snapshot(): Promise<Uint8Array> {
    return pack({ units: this.#units.snapshot(), side: await this.#side?.position() });
  }

  async restore(bytes: Uint8Array): Promise<void> {
    const { units, side } = unpack(bytes) as { units: Uint8Array; side: Uint8Array | undefined };
    this.#units.restore(units);
    if (side !== undefined) this.#side?.restore(side);
  }

  async committed(): Promise<void> {
    await this.#side?.committed();
  }

  async close(): Promise<void> {
    this.#session.close();
    await this.#side?.close();
  }

  async #askAll(units: readonly Unit[], signal: AbortSignal): Promise<RecordBatch[]> {
    const answers: RecordBatch[] = [];
    for (const unit of units) answers.push(...(await this.#session.ask(unit, signal)));
    return answers;
  }
}
