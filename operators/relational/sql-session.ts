/**
 * A connection to DuckDB for one step: the tables beside the stream are read once, the query is asked again and again.
 */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { RecordBatch } from 'apache-arrow';
import { type Duckdb, loadDuckdb } from '../../sources/duckdb.js';
import { appendBatch, duckdbColumns, quotedName } from '../../sources/duckdb-appender.js';
import { duckdbBatches } from '../../sources/duckdb-batches.js';
import { DataflowError, queryFailed, queryRefused, reason } from '../../src/errors.js';
import type { CheckedSql } from './sql.js';
import type { Unit } from './sql-units.js';

const WHO = 'sql';
/** Rows of the largest batch that comes out. */
const BATCH_ROWS = 65_536;

export class SqlSession {
  readonly #options: CheckedSql;
  #duckdb: Duckdb | undefined;
  #instance: DuckDBInstance | undefined;
  #connection: DuckDBConnection | undefined;
  #isKnown = false;

  constructor(options: CheckedSql) {
    this.#options = options;
  }

  /** The answer about some rows, about none its columns, once; interrupted when `signal` aborts. */
  async ask({ batch, startMs }: Unit, signal: AbortSignal): Promise<RecordBatch[]> {
    if (batch.numRows === 0 && this.#isKnown) return [];
    const connection = await this.#open();
    const duckdb = this.#duckdb!;
    const interrupt = () => connection.interrupt();
    signal.throwIfAborted();
    signal.addEventListener('abort', interrupt);
    try {
      await connection.run(
        `create or replace temp table batch (${duckdbColumns(duckdb, WHO, batch.schema)})`,
      );
      const appender = await connection.createAppender('batch', null, 'temp');
      appendBatch(duckdb, WHO, appender, batch);
      appender.closeSync();
      if (startMs !== undefined) {
        await connection.run(`set variable window_start = make_timestamptz(${startMs}::bigint * 1000)`);
      }
      await this.#checkQuery(connection);
      const answer: RecordBatch[] = [];
      const result = await connection.stream(this.#options.query);
      for await (const one of duckdbBatches(duckdb, WHO, result, BATCH_ROWS)) answer.push(one);
      return batch.numRows > 0 ? answer : answer.slice(0, 1).map((one) => one.slice(0, 0));
    } catch (error) {
      throw error instanceof DataflowError ? error : queryFailed(WHO, said(error), error);
    } finally {
      signal.removeEventListener('abort', interrupt);
    }
  }

  close(): void {
    this.#connection?.closeSync();
    this.#instance?.closeSync();
    this.#connection = undefined;
    this.#instance = undefined;
  }

  /** Asks what the query is, once there is a table for it to speak of. */
  async #checkQuery(connection: DuckDBConnection): Promise<void> {
    if (this.#isKnown) return;
    const { query } = this.#options;
    try {
      const { count } = await connection.extractStatements(query);
      if (count !== 1) throw queryRefused(WHO, `${count} statements`);
      const prepared = await connection.prepare(query);
      const kind = this.#duckdb!.StatementType[prepared.statementType];
      if (kind !== 'SELECT') throw queryRefused(WHO, `a statement that is no query: ${kind}`);
      prepared.destroySync();
    } catch (error) {
      throw error instanceof DataflowError ? error : queryRefused(WHO, said(error), error);
    }
    this.#isKnown = true;
  }

  async #open(): Promise<DuckDBConnection> {
    if (this.#connection !== undefined) return this.#connection;
    const { tables, database, threads, memoryLimit } = this.#options;
    const duckdb = await loadDuckdb(WHO);
    this.#duckdb = duckdb;
    try {
      this.#instance = await duckdb.DuckDBInstance.create(database ?? ':memory:', {
        threads: `${threads}`,
        ...(database !== undefined && { access_mode: 'READ_ONLY' }),
        ...(memoryLimit !== undefined && { memory_limit: memoryLimit }),
      });
      this.#connection = await this.#instance.connect();
      await this.#connection.run("set timezone = 'UTC'");
      for (const [name, file] of Object.entries(tables)) {
        await this.#connection.run(
          `create temp table ${quotedName(name)} as from '${file.replaceAll("'", "''")}'`,
        );
      }
      return this.#connection;
    } catch (error) {
      this.close();
      throw queryFailed(WHO, `no tables to ask about: ${said(error)}`, error);
    }
  }
}

/** DuckDB's reason, without its drawing of the place. */
const said = (error: unknown) =>
  reason(error)
    .split('\n\nLINE')[0]!
    .replace('Failed to extract statements: ', '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
