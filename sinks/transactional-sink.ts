/**
 * Exactly once in a database: what sinks share that commit rows and a token in one transaction.
 *
 * 1. The token says how many rows of this run are committed. It lies in table `chunkwise_commits`, a row a run, and
 *    moves in the same transaction as the rows do.
 * 2. A position is the run's id and the rows written so far. Opened there, the sink asks the token how many rows were really
 *    committed, and passes over the difference of what comes in again: behind a source position the same rows come again.
 * 3. Rows wait in memory until `commitRows` of them are there; then one short transaction takes them. So a connection that is
 *    lost costs nothing: a new one asks the token whether the transaction came through, and repeats it otherwise.
 * 4. A token that is not where this run left it belongs to another process with the same checkpoints, and ends the run.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { tableIdentifier } from '../sources/database.js';
import { foreignPosition, integersAt, positionFields } from '../sources/position.js';
import { untilAborted } from '../sources/until-aborted.js';
import { describeSchema, sameSchema, sliceRows } from '../src/columns.js';
import { schemaChanged, sinkFailed, stateMismatch } from '../src/errors.js';
import { integer, oneOf, text, truth } from '../src/options.js';
import { type Judge, type RetryPolicy, retried, retryOptions } from '../src/retry.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';

const COMMITS = 'chunkwise_commits';

export interface TransactionalSinkOptions {
  /** The table, or its schema (in MySQL: its database) and the table. Names are taken literally. */
  readonly table: string | readonly [string, string];
  /** Whether to make the table from the first batch's schema where it is not there. Default false. */
  readonly create?: boolean;
  /** Whether rows are added, or replace those of the same `key`. Default 'append'. */
  readonly mode?: 'append' | 'upsert';
  /** The columns of a unique index that mode 'upsert' goes by; with `create`, the primary key. */
  readonly key?: readonly string[];
  /** Commit once so many rows are there; they wait in memory. 1 … 10,000,000, default 1: with each batch. */
  readonly commitRows?: number;
  /** How often and when a lost connection is made anew. Default: five times in a row, from 100 ms on. */
  readonly retry?: RetryPolicy;
  /** Milliseconds to wait for a connection, and for another process's lock on the token. 1 … 2^31 − 1, default 10,000. */
  readonly connectTimeoutMs?: number;
}

export interface ResolvedTransactional {
  readonly table: string | readonly [string, string];
  readonly create: boolean;
  readonly mode: 'append' | 'upsert';
  readonly key: readonly string[];
  readonly commitRows: number;
  readonly retry: RetryPolicy;
  readonly connectTimeoutMs: number;
}

export function transactionalOptions(who: string, options: TransactionalSinkOptions): ResolvedTransactional {
  const { mode = 'append', key = [] } = options;
  const parts = typeof options.table === 'string' ? [options.table] : (options.table ?? [undefined]);
  for (const part of parts) text({ table: part });
  for (const column of key) text({ key: column });
  if (mode === 'upsert') integer({ 'length of key': key.length }, 1, 32);
  return {
    table: options.table,
    create: truth({ create: options.create ?? false }),
    mode: oneOf({ mode }, ['append', 'upsert']),
    key,
    commitRows: integer({ commitRows: options.commitRows ?? 1 }, 1, 10_000_000),
    retry: retryOptions(who, options.retry),
    connectTimeoutMs: integer({ connectTimeoutMs: options.connectTimeoutMs ?? 10_000 }, 1, 2 ** 31 - 1),
  };
}

/** Where tokens are: beside the table that rows go to. */
export const commitsTable = (table: ResolvedTransactional['table'], quote: '"' | '`'): string =>
  tableIdentifier(typeof table === 'string' ? COMMITS : [table[0], COMMITS], quote);

/** How far the token of a run is moved, and from where. */
export interface TokenMove {
  readonly run: string;
  readonly before: number;
  readonly after: number;
}

/** A connection that rows are committed by. */
export interface CommitSession {
  /** The rows that the token says, once no transaction holds it; undefined where there is none. */
  committedRows(run: string): Promise<number | undefined>;
  /** Makes a token of a new run, at 0. */
  beginRun(run: string): Promise<void>;
  /** Makes the table where that is asked for, and sees that it takes these columns. */
  prepare(schema: Schema): Promise<void>;
  /** Moves the token and writes the batches in one transaction; false, and nothing done, where the token is elsewhere. */
  commit(move: TokenMove, batches: readonly RecordBatch[]): Promise<boolean>;
  /** Bytes sent. */
  readonly bytes: number;
  /** Lets go of the connection without waiting for what is under way. */
  close(): void;
}

export interface TransactionalSetup {
  readonly who: string;
  readonly options: ResolvedTransactional;
  readonly connect: (signal: AbortSignal) => Promise<CommitSession>;
  /** Tells errors that a new connection may not meet again. */
  readonly isPassing: Judge;
}

export const transactionalSink = (setup: TransactionalSetup): Sink<'exactly once'> => ({
  name: setup.who,
  guarantee: 'exactly once',
  checkpointFirst: true,
  async open(resume, signal) {
    const writer = new TransactionalWriter(setup, signal);
    try {
      await (resume === undefined ? writer.begin() : writer.resume(resume));
      return writer;
    } catch (error) {
      writer.abandon();
      throw error;
    }
  },
});

class TransactionalWriter implements SinkWriter {
  readonly #setup: TransactionalSetup;
  readonly #signal: AbortSignal;
  #session: CommitSession | undefined;
  #run = '';
  /** Rows that were written so far, of which the token has some and `#waiting` the others. */
  #rows = 0;
  #committed = 0;
  #waiting: RecordBatch[] = [];
  #schema: Schema | undefined;
  #isPrepared = false;
  #bytes = 0;

  constructor(setup: TransactionalSetup, signal: AbortSignal) {
    this.#setup = setup;
    this.#signal = signal;
  }

  get bytes(): number {
    return this.#bytes + (this.#session?.bytes ?? 0);
  }

  async begin(): Promise<void> {
    this.#run = globalThis.crypto.randomUUID();
    await this.#withSession((session) => session.beginRun(this.#run));
  }

  async resume(position: Position): Promise<void> {
    const { who } = this.#setup;
    const { rows } = integersAt(who, position, ['rows']);
    const run = positionFields(position)!.run;
    if (typeof run !== 'string') throw foreignPosition(who, 'the id of a run', run);
    const committed = await this.#withSession((session) => session.committedRows(run));
    if (committed === undefined || committed < rows) {
      const advice = 'The database was set back, or is another one: start anew with an empty table.';
      throw stateMismatch(
        who,
        'rows in chunkwise_commits',
        `${rows} or more`,
        committed ?? 'no token',
        advice,
      );
    }
    this.#run = run;
    this.#rows = rows;
    this.#committed = committed;
  }

  async write(batch: RecordBatch): Promise<void> {
    const { who, options } = this.#setup;
    this.#schema ??= batch.schema;
    if (!sameSchema(this.#schema, batch.schema)) {
      throw schemaChanged(who, describeSchema(this.#schema), describeSchema(batch.schema));
    }
    if (!this.#isPrepared) await this.#withSession(async () => {});
    const known = Math.min(Math.max(this.#committed - this.#rows, 0), batch.numRows);
    this.#rows += batch.numRows;
    if (known < batch.numRows) this.#waiting.push(sliceRows(batch, known, batch.numRows));
    if (this.#rows - this.#committed >= options.commitRows) await this.#commit();
  }

  async position(): Promise<Position> {
    await this.#commit();
    return { run: this.#run, rows: this.#rows };
  }

  async finish(): Promise<void> {
    await this.#commit();
    this.abandon();
  }

  /** What is committed stays, for whatever reason the run ends. */
  abandon(): void {
    this.#bytes = this.bytes;
    this.#session?.close();
    this.#session = undefined;
    this.#isPrepared = false;
  }

  async #commit(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const move = { run: this.#run, before: this.#committed, after: this.#rows };
    await this.#withSession(async (session, isRepeated) => {
      if (isRepeated && (await session.committedRows(move.run)) === move.after) return;
      if (await session.commit(move, this.#waiting)) return;
      const got = `${await session.committedRows(move.run)}. Another process writes for the same checkpoints`;
      throw sinkFailed(this.#setup.who, 'rows in chunkwise_commits', `${move.before}`, got);
    });
    this.#committed = this.#rows;
    this.#waiting = [];
  }

  /** Runs some work on a connection that knows the table, and again on another where that is lost. */
  #withSession<T>(work: (session: CommitSession, isRepeated: boolean) => Promise<T>): Promise<T> {
    const { who, options, connect, isPassing } = this.#setup;
    const attempt = async (number: number) => {
      try {
        this.#session ??= await connect(this.#signal);
        return await untilAborted(this.#prepared(this.#session, work, number > 0), this.#signal);
      } catch (error) {
        this.abandon();
        throw error;
      }
    };
    return retried(who, options.retry, attempt, this.#signal, isPassing);
  }

  async #prepared<T>(
    session: CommitSession,
    work: (session: CommitSession, isRepeated: boolean) => Promise<T>,
    isRepeated: boolean,
  ): Promise<T> {
    if (this.#schema !== undefined && !this.#isPrepared) {
      await session.prepare(this.#schema);
      this.#isPrepared = true;
    }
    return work(session, isRepeated);
  }
}
