/**
 * A DuckDB database as its source and its sink open it.
 */
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import { DataflowError, optionRange, reason } from '../src/errors.js';
import { text } from '../src/options.js';
import { type Duckdb, loadDuckdb } from './duckdb.js';

export interface DuckdbDatabase {
  /** The database file, made where there is none. Default ':memory:', a new database that is gone at the end. */
  readonly database?: string;
  /** DuckDB's own settings, such as `{ memory_limit: '2GB', threads: '2', access_mode: 'READ_ONLY' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Makes the error of a connector out of what DuckDB said. */
export type DuckdbFailed = (
  who: string,
  what: string,
  expected: string,
  got: string,
  cause?: unknown,
) => DataflowError;

export function databaseOptions(options: DuckdbDatabase): Required<DuckdbDatabase> {
  const { database = ':memory:', settings = {} } = options;
  const isTexts = Object.values(settings).every((value) => typeof value === 'string');
  if (!isTexts) throw optionRange('', 'settings', 'texts by name', settings);
  return { database: text({ database }), settings };
}

/** An open connection, and what it belongs to. Those to one file share what DuckDB has of it in memory. */
export class DuckdbConnection {
  readonly duckdb: Duckdb;
  readonly connection: DuckDBConnection;
  readonly #instance: DuckDBInstance;
  readonly #who: string;
  readonly #failed: DuckdbFailed;

  private constructor(
    who: string,
    failed: DuckdbFailed,
    duckdb: Duckdb,
    instance: DuckDBInstance,
    connection: DuckDBConnection,
  ) {
    this.#who = who;
    this.#failed = failed;
    this.duckdb = duckdb;
    this.#instance = instance;
    this.connection = connection;
  }

  static async open(
    who: string,
    { database, settings }: Required<DuckdbDatabase>,
    failed: DuckdbFailed,
  ): Promise<DuckdbConnection> {
    const duckdb = await loadDuckdb(who);
    try {
      const { DuckDBInstance } = duckdb;
      const isShared = database !== ':memory:';
      const instance = isShared
        ? await DuckDBInstance.fromCache(database, { ...settings })
        : await DuckDBInstance.create(database, { ...settings });
      return new DuckdbConnection(who, failed, duckdb, instance, await instance.connect());
    } catch (error) {
      throw failed(who, `database '${database}'`, 'to open it', firstLine(error), error);
    }
  }

  /** Runs some work; what DuckDB refuses is told as the connector's error. */
  async guarded<T>(what: string, expected: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DataflowError) throw error;
      throw this.#failed(this.#who, what, expected, firstLine(error), error);
    }
  }

  /** Lets go of it, whatever is under way. */
  close(): void {
    this.connection.interrupt();
    this.connection.closeSync();
    this.#instance.closeSync();
  }

  /** Ends what is still running first: a result with rows left would keep the database from being opened again. */
  async stop(result: DuckDBResult | undefined, running: Promise<unknown>): Promise<void> {
    this.connection.interrupt();
    await running.catch(() => {});
    try {
      while (result !== undefined && (await result.fetchChunk())?.rowCount);
    } catch {
      // It was interrupted.
    }
    this.close();
  }
}

/** DuckDB adds the query and hints behind the first line. */
const firstLine = (error: unknown) => reason(error).split('\n')[0]!.replace(/\.$/, '');
