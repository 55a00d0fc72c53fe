/**
 * HTTP: a request a batch.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import {
  type HttpRequestOptions,
  type HttpSetup,
  judgeRequest,
  request,
  requestOptions,
  urlOption,
} from '../sources/http-request.js';
import { joinBytes } from '../sources/join-bytes.js';
import { foreignPosition, integersAt, positionFields } from '../sources/position.js';
import { describeSchema, sameSchema } from '../src/columns.js';
import { schemaChanged, sinkFailed } from '../src/errors.js';
import { checked, oneOf, text } from '../src/options.js';
import { retried } from '../src/retry.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import { compactBatch } from './compact-data.js';
import { END_MARKER, encodeBatch, encodeSchema } from './ipc-encoder.js';
import { jsonObjects } from './json-objects.js';

/** How a batch is sent: JSON objects a line each, as one array, or as an Arrow IPC stream. */
export type HttpSinkFormat = 'ndjson' | 'json' | 'arrow';

export interface HttpSinkOptions extends HttpRequestOptions {
  /** How a batch is sent. Default 'ndjson'. */
  readonly format?: HttpSinkFormat;
  /** Default 'POST'. */
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  /** The header that names a request, the same when it is sent again. Default 'Idempotency-Key'. */
  readonly keyHeader?: string;
}

const CONTENT_TYPES: Readonly<Record<HttpSinkFormat, string>> = {
  ndjson: 'application/x-ndjson',
  json: 'application/json',
  arrow: 'application/vnd.apache.arrow.stream',
};

/**
 * Sends each batch that has rows as one request, in order, and goes on once it is answered with success. How many rows a
 * request has is up to the flow: `rebatch({ rows })`.
 *
 * At least once: what was sent behind the last checkpoint is sent again. Header `Idempotency-Key` is the run's id with the
 * numbers of its first row and of the row behind its last, `<run>-0-4096`; a resumed run sends the same keys for the same
 * rows wherever the flow is cut the same way, as files and databases are when checkpoints go by `everyBatches`. A receiver that
 * keeps the keys then has each row exactly once.
 *
 * A request that is not answered within `timeoutMs`, or with 408, 429 or 5xx, is sent again by the policy of `retry`, not
 * before `Retry-After`; other statuses, redirections among them, are SINK_FAILED at once. Messages show neither headers nor
 * the query of the URL. In JSON, values are written as `jsonLinesSink` does.
 */
export function httpSink(url: string, options: HttpSinkOptions = {}): Sink<'at least once'> {
  const name = 'httpSink';
  const { format, keyHeader, method } = checked(name, options, REQUEST, () => {
    const keyHeader = text({ keyHeader: options.keyHeader ?? 'Idempotency-Key' });
    requestOptions(name, { headers: { [keyHeader]: 'key' } });
    urlOption(url, ['http:', 'https:']);
    return {
      format: oneOf({ format: options.format ?? 'ndjson' }, ['ndjson', 'json', 'arrow']),
      method: oneOf({ method: options.method ?? 'POST' }, ['POST', 'PUT', 'PATCH']),
      keyHeader,
    };
  });
  const how = checked(name, options, Object.keys(options), () => requestOptions(name, options));
  const setup = { who: name, url: new URL(url), method, failed: sinkFailed, request: how };
  return {
    name,
    guarantee: 'at least once',
    checkpointFirst: true,
    open(resume, signal) {
      const begun = { run: globalThis.crypto.randomUUID(), rows: 0 };
      const place = resume === undefined ? begun : placeOf(name, resume);
      return new HttpWriter(setup, format, keyHeader, place, signal);
    },
  };
}

/** Options that are checked with the request. */
const REQUEST = ['headers', 'retry', 'timeoutMs'] as const;

interface Place {
  readonly run: string;
  readonly rows: number;
}

function placeOf(who: string, position: Position): Place {
  const { rows } = integersAt(who, position, ['rows']);
  const run = positionFields(position)!.run;
  if (typeof run === 'string') return { run, rows };
  throw foreignPosition(who, 'the id of a run', run);
}

class HttpWriter implements SinkWriter {
  bytes = 0;
  readonly #setup: HttpSetup;
  readonly #format: HttpSinkFormat;
  readonly #keyHeader: string;
  readonly #signal: AbortSignal;
  readonly #run: string;
  #rows: number;
  #schema: Schema | undefined;

  constructor(
    setup: HttpSetup,
    format: HttpSinkFormat,
    keyHeader: string,
    { run, rows }: Place,
    signal: AbortSignal,
  ) {
    this.#setup = setup;
    this.#format = format;
    this.#keyHeader = keyHeader;
    this.#run = run;
    this.#rows = rows;
    this.#signal = signal;
  }

  async write(batch: RecordBatch): Promise<void> {
    const { who, request: how } = this.#setup;
    this.#schema ??= batch.schema;
    if (!sameSchema(this.#schema, batch.schema)) {
      throw schemaChanged(who, describeSchema(this.#schema), describeSchema(batch.schema));
    }
    if (batch.numRows === 0) return;
    const body = encoded(batch, this.#format);
    const end = this.#rows + batch.numRows;
    const headers = {
      'content-type': CONTENT_TYPES[this.#format],
      [this.#keyHeader]: `${this.#run}-${this.#rows}-${end}`,
    };
    const send = async () => {
      const response = await request(this.#setup, { body, headers, redirect: 'manual' }, this.#signal);
      await response.body?.cancel();
    };
    await retried(who, how.retry, send, this.#signal, judgeRequest);
    this.#rows = end;
    this.bytes += body.length;
  }

  position(): Position {
    return { run: this.#run, rows: this.#rows };
  }

  finish(): void {}

  abandon(): void {}
}

function encoded(batch: RecordBatch, format: HttpSinkFormat): Uint8Array<ArrayBuffer> {
  if (format === 'arrow') {
    const compact = compactBatch(batch);
    return joinBytes([encodeSchema(compact.schema).bytes, encodeBatch(compact).bytes, END_MARKER]);
  }
  const object = jsonObjects(batch);
  const rows = Array.from({ length: batch.numRows }, (_, row) => object(row));
  return new TextEncoder().encode(format === 'json' ? `[${rows.join(',')}]` : `${rows.join('\n')}\n`);
}
