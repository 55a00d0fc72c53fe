/**
 * HTTP: JSON lines, server-sent events or an Arrow stream from a URL.
 */
import { sourceFailed } from '../src/errors.js';
import { checked, integer, oneOf } from '../src/options.js';
import type { Position, Source, Sourced } from '../src/source.js';
import { type ArrowStreamOptions, arrowBatches, arrowStreamOptions } from './arrow-stream.js';
import { HttpBody } from './http-body.js';
import { EventFeed, eventKind } from './http-events.js';
import { type HttpRequestOptions, type HttpSetup, requestOptions, urlOption } from './http-request.js';
import { JsonLinesFormat } from './json-lines.js';
import { messageBatches } from './message-batches.js';
import { type MessageOptions, messageOptions, unhurried } from './message-options.js';
import { positionFields } from './position.js';
import { type TextRowsOptions, textRows, textRowsOptions } from './text-rows.js';

export interface HttpBodyOptions extends HttpRequestOptions {
  /** Default 'GET'. */
  readonly method?: 'GET' | 'POST';
  /** What is sent with a POST. */
  readonly body?: string;
}

export interface HttpLinesOptions extends HttpBodyOptions, TextRowsOptions {
  /** One JSON object a line. */
  readonly format: 'ndjson';
}

export interface HttpArrowOptions extends HttpBodyOptions, ArrowStreamOptions {
  /** An Arrow IPC stream or file. */
  readonly format: 'arrow';
}

export interface HttpEventsOptions extends HttpBodyOptions, Omit<MessageOptions<'id' | 'event'>, 'format'> {
  /** Server-sent events. */
  readonly format: 'sse';
  /** What an event's data is: a JSON object, or text in a column `text`. Default 'json'. */
  readonly data?: 'json' | 'text';
  /** Whether every event must have an id to go on behind; without, events are lost between two connections. Default 'required'. */
  readonly ids?: 'required' | 'none';
  /** Whether to end where the server ends the stream, or to connect again (`forever`, default). */
  readonly until?: 'end' | 'forever';
  /** Most bytes that one event may take. Default 4 MiB. */
  readonly maxRecordBytes?: number;
}

const MIB = 2 ** 20;

/**
 * Reads a URL as rows.
 *
 * **`ndjson`, `arrow`**: exactly once, as long as the URL gives the same bytes again: an entity tag or date of the last
 * change is checked where the server tells one (STATE_VERSION where it is another). A connection that is lost goes on behind
 * the last byte. Rows, types and `badRows` of `ndjson` are those of `jsonLines`; positions of `arrow` those of `arrowStream`.
 *
 * **`sse`**: at least once: an event's id is the position, and the server is asked for what comes behind it
 * (`Last-Event-ID`). What it sends again then, or no longer has, is its own affair. Where events have no ids, say
 * `ids: 'none'`: at most once. The server's `retry` is the least time between two connections; status 204 is the end. Events
 * are messages: `schema`, `batchRows`, `batchMs`, `badRows` and `metadata` (`id`, `event`) mean the same as with brokers.
 *
 * A request that is not answered, or with 408, 429 or 5xx, is tried again by the policy of `retry`, not before `Retry-After`;
 * other statuses are SOURCE_FAILED at once. Messages show neither headers nor the query of the URL. `sse` needs the package
 * `eventsource-parser`.
 */
export function http(url: string, options: HttpLinesOptions | HttpArrowOptions): Source<'exactly once'>;
export function http(
  url: string,
  options: HttpEventsOptions & { readonly ids: 'none' },
): Source<'at most once'>;
export function http(url: string, options: HttpEventsOptions): Source<'at least once'>;
export function http(url: string, options: HttpLinesOptions | HttpArrowOptions | HttpEventsOptions): Source {
  const who = 'http';
  const setup = checked(who, options, Object.keys(options), () => {
    oneOf({ format: options.format }, ['ndjson', 'sse', 'arrow']);
    return {
      who,
      url: urlOption(url, ['http:', 'https:']),
      method: oneOf({ method: options.method ?? 'GET' }, ['GET', 'POST']),
      ...(options.body !== undefined && { body: `${options.body}` }),
      failed: sourceFailed,
      request: requestOptions(who, options),
    };
  });
  if (options.format === 'sse') return eventSource(setup, options);
  return options.format === 'arrow' ? arrowSource(setup, options) : linesSource(setup, options);
}

/** Options that all formats have, and that are checked with the request. */
const REQUEST = ['format', 'method', 'body', 'headers', 'retry', 'timeoutMs'] as const;

function linesSource(setup: HttpSetup, options: HttpLinesOptions): Source<'exactly once'> {
  const { who } = setup;
  const resolved = checked(who, options, REQUEST, () => textRowsOptions(options));
  return {
    name: who,
    guarantee: 'exactly once',
    read(from, signal) {
      const input = new HttpBody(setup, validatorAt(from));
      const told = `http '${input.name}'`;
      const begin = (known?: ConstructorParameters<typeof JsonLinesFormat>[1]) =>
        new JsonLinesFormat(told, known);
      return withValidator(input, textRows({ who: told, input, begin, options: resolved }, from, signal));
    },
  };
}

function arrowSource(setup: HttpSetup, options: HttpArrowOptions): Source<'exactly once'> {
  const { who } = setup;
  const resolved = checked(who, options, REQUEST, () => arrowStreamOptions(options));
  return {
    name: who,
    guarantee: 'exactly once',
    read(from, signal) {
      const input = new HttpBody(setup, validatorAt(from));
      return withValidator(input, arrowBatches(who, input.chunks(0, signal), resolved, from, signal));
    },
  };
}

/** The batches, with what tells the resource's state in each position. */
async function* withValidator(body: HttpBody, batches: AsyncIterable<Sourced>): AsyncGenerator<Sourced> {
  for await (const { next, ...sourced } of batches) {
    const { validator } = body;
    yield { ...sourced, next: { ...positionFields(next)!, ...(validator && { validator }) } as Position };
  }
}

function validatorAt(from: Position | undefined): string | undefined {
  const validator = from === undefined ? undefined : positionFields(from)?.validator;
  return typeof validator === 'string' ? validator : undefined;
}

function eventSource(setup: HttpSetup, options: HttpEventsOptions): Source<'at least once' | 'at most once'> {
  const { who } = setup;
  const { data = 'json', ...rest } = options;
  const { messages, ids, until, maxRecordBytes } = checked(
    who,
    options,
    [...REQUEST, 'data', 'schema', 'sampleRows', 'sampleMs', 'batchRows', 'batchMs', 'metadata', 'badRows'],
    () => ({
      messages: messageOptions({ ...rest, format: oneOf({ data }, ['json', 'text']) }, eventKind.about),
      ids: oneOf({ ids: options.ids ?? 'required' }, ['required', 'none']),
      until: oneOf({ until: options.until ?? 'forever' }, ['end', 'forever']),
      maxRecordBytes: integer({ maxRecordBytes: options.maxRecordBytes ?? 4 * MIB }, 1, 2 ** 29),
    }),
  );
  return {
    name: who,
    guarantee: ids === 'required' ? 'at least once' : 'at most once',
    async *read(from, signal) {
      const feed = new EventFeed(setup, { ids, until, maxRecordBytes }, from, signal);
      const reading = {
        who,
        origin: `${setup.url.host}${setup.url.pathname}`,
        kind: eventKind,
        feed,
        options: until === 'end' ? unhurried(messages) : messages,
      };
      try {
        yield* messageBatches(reading, from, signal);
      } finally {
        feed.close();
      }
    },
  };
}
