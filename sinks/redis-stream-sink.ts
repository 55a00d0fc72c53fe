/**
 * Redis streams: rows as entries, each once.
 */

import type { RecordBatch } from 'apache-arrow';
import type { Redis } from 'ioredis';
import { foreignPosition, integersAt, positionFields } from '../sources/position.js';
import {
  connectRedis,
  mayPass,
  REDIS_OPTIONS_BESIDE,
  type RedisOptions,
  redisFailed,
  redisOptions,
} from '../sources/redis-connection.js';
import { sliceRows } from '../src/columns.js';
import { sinkFailed } from '../src/errors.js';
import { checked, integer, oneOf, text } from '../src/options.js';
import { retried } from '../src/retry.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import { MessageEncoder, type MessageSinkOptions, messageSinkOptions } from './message-encoder.js';
import { entryFields } from './redis-fields.js';

export interface RedisStreamSinkOptions extends RedisOptions, MessageSinkOptions {
  /** The stream's key; the stream is made where it is not there. */
  readonly key: string;
  /** The field that gets the message in `format`. Default: none; then every column is a field, as text, and a null none. */
  readonly field?: string;
  /** About how many entries the stream keeps (MAXLEN ~), 1 … 2^53 − 1. Default: all. */
  readonly maxEntries?: number;
}

type Resolved = ReturnType<typeof resolve>;

/** An entry's fields: names and values by turns. */
type Fields = readonly (string | Uint8Array)[];

/** No server needs to be told a limit; Redis takes values of half a GiB. */
const MOST_VALUE_BYTES = 2 ** 29;

/**
 * Adds an entry a row, or a batch as an Arrow stream.
 *
 * **Exactly once**, as far as Redis keeps what it has acknowledged (`appendfsync always`): each batch is one transaction that
 * also counts the run's rows, in the hash `<key>:chunkwise` under the run's id. A run that resumes, and one whose
 * connection broke, asks for that count and passes over the rows that are there, however they are cut this time.
 * SINK_FAILED where Redis has fewer rows than it had acknowledged.
 *
 * A lost connection is made anew by the policy of `retry`; SINK_FAILED once it is used up. Optional package `ioredis`.
 */
export function redisStreamSink(options: RedisStreamSinkOptions): Sink<'exactly once'> {
  const name = 'redisStreamSink';
  const resolved = resolve(name, options);
  const who = `${name} '${resolved.key}'`;
  return {
    name,
    guarantee: 'exactly once',
    checkpointFirst: true,
    async open(resume, signal) {
      const writer = new RedisWriter(who, options, resolved, resume, signal);
      await writer.begin();
      return writer;
    },
  };
}

const resolve = (name: string, options: RedisStreamSinkOptions) =>
  checked(name, options, [...REDIS_OPTIONS_BESIDE, 'field', 'maxEntries', 'maxMessageBytes'], () => {
    const { field, maxEntries } = options;
    const messages = messageSinkOptions(options);
    return {
      ...redisOptions(options),
      ...messages,
      format: field === undefined ? oneOf({ format: messages.format }, ['json']) : messages.format,
      key: text({ key: options.key }),
      ...(field !== undefined && { field: text({ field }) }),
      ...(maxEntries !== undefined && { maxEntries: integer({ maxEntries }, 1, Number.MAX_SAFE_INTEGER) }),
    };
  });

class RedisWriter implements SinkWriter {
  readonly #who: string;
  readonly #given: RedisStreamSinkOptions;
  readonly #options: Resolved;
  readonly #signal: AbortSignal;
  readonly #encoder: MessageEncoder;
  readonly #run: string;
  /** Rows that were given to this writer and are done with; rows that Redis counts. */
  #rows = 0;
  #counted = 0;
  #bytes = 0;
  #redis: Redis | undefined;

  constructor(
    who: string,
    given: RedisStreamSinkOptions,
    options: Resolved,
    resume: Position | undefined,
    signal: AbortSignal,
  ) {
    this.#who = who;
    this.#given = given;
    this.#options = options;
    this.#signal = signal;
    this.#encoder = new MessageEncoder(who, options.format, {});
    if (resume === undefined) {
      this.#run = globalThis.crypto.randomUUID();
      return;
    }
    const { run } = positionFields(resume) ?? {};
    if (typeof run !== 'string') throw foreignPosition(who, 'a run', resume);
    this.#run = run;
    this.#rows = integersAt(who, resume, ['rows']).rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async begin(): Promise<void> {
    await this.#persisting(() => this.#connected());
  }

  async write(batch: RecordBatch): Promise<void> {
    const end = this.#rows + batch.numRows;
    const entries = this.#entries(batch);
    if (entries.length > 0) await this.#persisting(() => this.#add(entries, end));
    this.#rows = end;
  }

  position(): Position {
    return { run: this.#run, rows: this.#rows };
  }

  finish(): void {
    this.abandon();
  }

  abandon(): void {
    this.#redis?.disconnect();
  }

  /** The entries of the rows that are not there. */
  #entries(batch: RecordBatch): Fields[] {
    const there = Math.min(batch.numRows, Math.max(0, this.#counted - this.#rows));
    if (there === batch.numRows) return [];
    const rest = sliceRows(batch, there, batch.numRows);
    const { field, maxMessageBytes = MOST_VALUE_BYTES } = this.#options;
    if (field === undefined) return entryFields(this.#who, rest);
    const messages = this.#encoder.messages(rest, this.#rows + there, maxMessageBytes);
    return messages.map(({ payload }) => [field, payload]);
  }

  async #add(entries: readonly Fields[], end: number): Promise<void> {
    const redis = await this.#connected();
    // The connection broke behind a transaction that was carried out.
    if (this.#counted >= end) return;
    const { key, maxEntries } = this.#options;
    const most = maxEntries === undefined ? [] : ['MAXLEN', '~', maxEntries];
    const transaction = redis.multi();
    let bytes = 0;
    for (const fields of entries) {
      const values = fields.map((value) => (typeof value === 'string' ? value : Buffer.from(value)));
      bytes += values.reduce((sum, value) => sum + value.length, 0);
      transaction.xadd(key, ...most, '*', ...values);
    }
    transaction.hset(tokens(key), this.#run, end);
    try {
      const answers = await transaction.exec();
      const failure = answers?.find(([error]) => error !== null)?.[0];
      if (failure || answers === null) throw failure ?? new Error('the transaction was refused');
    } catch (error) {
      redis.disconnect();
      throw error;
    }
    this.#counted = end;
    this.#bytes += bytes;
  }

  /** The connection, made anew where it broke; then the rows that Redis has are asked first. */
  async #connected(): Promise<Redis> {
    if (this.#redis?.status === 'ready') return this.#redis;
    const redis = await connectRedis(this.#who, this.#given, this.#options);
    try {
      const { key } = this.#options;
      const type = await redis.type(key);
      // A transaction goes on behind a command that fails, so none may.
      if (type !== 'stream' && type !== 'none')
        throw sinkFailed(this.#who, 'the key', 'a stream', `a ${type}`);
      this.#counted = Number((await redis.hget(tokens(key), this.#run)) ?? 0);
      this.#refuseLoss();
      this.#redis = redis;
      return redis;
    } catch (error) {
      redis.disconnect();
      throw error;
    }
  }

  #refuseLoss(): void {
    if (this.#counted >= this.#rows) return;
    const expected = `the ${this.#rows} rows that it has acknowledged`;
    throw sinkFailed(this.#who, 'the server', expected, `${this.#counted}: it has lost some`);
  }

  async #persisting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await retried(this.#who, this.#options.retry, work, this.#signal, mayPass);
    } catch (error) {
      throw this.#signal.aborted ? error : redisFailed(this.#who, error, sinkFailed);
    }
  }
}

/** The hash that counts the rows of runs. */
const tokens = (key: string) => `${key}:chunkwise`;
