/**
 * HTTP as a source: what is read, where it goes on, what is tried again, and what is not told.
 */

import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { http } from '../../sources/index.js';
import type { DataflowError } from '../../src/errors.js';
import type { Source } from '../../src/source.js';
import { type Answer, type Asked, served } from '../support/http.js';
import { cells, everyType, expectResumable, ipc, readAll, rowsOf } from './helpers.js';

const quick = { retries: 3, firstDelayMs: 1, maxDelayMs: 2 };
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `{"n":${from + i},"t":"row ${from + i}"}\n`).join('');
const BODY = Buffer.from(lines(0, 100));
const ROWS = Array.from({ length: 100 }, (_, i) => `${i} | row ${i}`);

async function refusal(source: Source, from?: Parameters<Source['read']>[0]): Promise<DataflowError> {
  const outcome = await readAll(source, from).then(
    () => 'no error',
    (error: DataflowError) => error,
  );
  expect(outcome).toMatchObject({ name: 'DataflowError' });
  return outcome as DataflowError;
}

/** Serves bytes, by range where that is asked for. */
const file =
  (bytes: Buffer, etag = '"1"', takesRanges = true): Answer =>
  ({ headers }, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    response.setHeader('etag', etag);
    if (!takesRanges || from === 0) response.end(bytes);
    else if (from >= bytes.length)
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    else {
      const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
      response.writeHead(206, { 'content-range': range }).end(bytes.subarray(from));
    }
  };

/** Serves a part of what it should, and hangs up; each request gets a little further. */
const breaking =
  (whole: Answer, least: number): Answer =>
  (asked, response, nth) => {
    const end = response.end.bind(response);
    response.end = ((bytes?: Buffer) => {
      if (bytes === undefined || nth >= 3) return end(bytes);
      if (!response.headersSent) response.setHeader('content-length', bytes.length);
      response.write(bytes.subarray(0, least + nth * 311));
      setTimeout(() => response.destroy(), 20);
      return response;
    }) as ServerResponse['end'];
    whole(asked, response, nth);
  };

describe('http with JSON lines', () => {
  it('reads rows, and goes on from every position, with and without ranges', async () => {
    for (const takesRanges of [true, false]) {
      const { url, asked } = await served(file(BODY, '"1"', takesRanges));
      const source = http(url, { format: 'ndjson', batchRows: 30 });
      expect(await rowsOf(source)).toEqual(ROWS);
      await expectResumable(source);
      const ranges = asked.flatMap(({ headers }) => headers.range ?? []);
      expect(ranges).toHaveLength(4);
      expect(ranges.at(-1)).toBe(`bytes=${BODY.length}-`);
    }
  });

  it('goes on behind the last byte where the connection is lost', async () => {
    for (const takesRanges of [true, false]) {
      const { url, asked } = await served(breaking(file(BODY, '"1"', takesRanges), 500));
      expect(await rowsOf(http(url, { format: 'ndjson', batchRows: 7, retry: quick }))).toEqual(ROWS);
      expect(asked.length).toBe(4);
      expect(asked.slice(1).every(({ headers }) => headers.range !== undefined)).toBe(true);
    }
  });

  it('tells a connection that is lost again and again', async () => {
    const { url, asked } = await served((_, response) => response.destroy());
    expect((await refusal(http(url, { format: 'ndjson', retry: quick }))).code).toBe('SOURCE_FAILED');
    expect(asked).toHaveLength(4);
  });

  it('refuses to go on in another resource than the one that it began', async () => {
    let etag = '"1"';
    const { url } = await served((asked, response, nth) => file(BODY, etag)(asked, response, nth));
    const source = http(url, { format: 'ndjson', batchRows: 30 });
    const [first] = await readAll(source);
    etag = '"2"';
    expect(await refusal(source, first!.next)).toMatchObject({ code: 'STATE_VERSION' });
    expect(await rowsOf(source)).toEqual(ROWS);
  });

  it('tries again what may pass, and not before Retry-After; everything else ends at once', async () => {
    const times: number[] = [];
    const busy = await served((asked, response, nth) => {
      times.push(performance.now());
      if (nth === 0) response.writeHead(503).end('starting');
      else if (nth === 1) response.writeHead(429, { 'retry-after': '1' }).end();
      else file(BODY)(asked, response, nth);
    });
    expect(await rowsOf(http(busy.url, { format: 'ndjson', retry: quick }))).toEqual(ROWS);
    expect(times[2]! - times[1]!).toBeGreaterThan(990);
    const gone = await served((_, response) => response.writeHead(404).end('no such\n thing'));
    const error = await refusal(http(`${gone.url}x?token=hush`, { format: 'ndjson', retry: quick }));
    expect(error.code).toBe('SOURCE_FAILED');
    expect(error.message).toBe(
      `http: GET ${gone.url}x, expected an answer of success, got status 404: no such thing.`,
    );
    expect(gone.asked).toHaveLength(1);
    const later = await served((_, response) => response.writeHead(503, { 'retry-after': '7200' }).end());
    expect((await refusal(http(later.url, { format: 'ndjson', retry: quick }))).code).toBe('SOURCE_FAILED');
    expect(later.asked).toHaveLength(1);
  });

  it('gives up on a server that is silent, before and within its answer', async () => {
    const retry = { retries: 0 };
    const silent = await served(() => {});
    const source = http(silent.url, { format: 'ndjson', timeoutMs: 30, retry });
    expect((await refusal(source)).message).toContain('got no answer within 30 ms');
    const stuck = await served((_, response) => response.write('{"n":1}\n'));
    const other = http(stuck.url, { format: 'ndjson', timeoutMs: 30, retry });
    expect((await refusal(other)).message).toContain('got nothing for 30 ms');
  });

  it('skips or rejects rows that do not fit', async () => {
    const { url } = await served((_, response) => response.end('{"n":1}\n{"n":"x"}\n{"n":3}\n'));
    const schema = { n: 'int32' } as const;
    const all = await readAll(http(url, { format: 'ndjson', schema, badRows: 'skip' }));
    expect(cells(all.map(({ batch }) => batch))).toEqual(['1', '3']);
    expect(all[0]!.skipped).toBe(1);
    expect(await refusal(http(url, { format: 'ndjson', schema }))).toMatchObject({
      at: { line: 2, column: 'n' },
    });
  });

  it('sends what it is told to, and tells no secrets', async () => {
    const { url, asked } = await served((_, response) => response.writeHead(401).end());
    const secretUrl = url.replace('//', '//me:hush@').concat('?key=hush');
    const headers = { 'x-token': 'hush' };
    const source = http(secretUrl, { format: 'ndjson', method: 'POST', body: '{"q":1}', headers });
    const error = await refusal(source);
    expect(asked[0]).toMatchObject({ method: 'POST', url: '/?key=hush', headers: { 'x-token': 'hush' } });
    expect(asked[0]!.headers.authorization).toBe(`Basic ${btoa('me:hush')}`);
    expect(`${asked[0]!.body}`).toBe('{"q":1}');
    expect(inspect([source, error], { depth: 9, showHidden: true })).not.toContain('hush');
  });
});

describe('http with an Arrow stream', () => {
  it('reads batches and goes on from every position, though the connection breaks', async () => {
    const batches = [everyType(20, 1), everyType(15, 2)];
    const bytes = Buffer.from(ipc(batches, 'stream'));
    const { url } = await served(file(bytes));
    const source = http(url, { format: 'arrow', batchRows: 8 });
    const expected = cells(batches);
    expect(await rowsOf(source)).toEqual(expected);
    await expectResumable(source);
    const broken = await served(breaking(file(bytes), 4000));
    expect(await rowsOf(http(broken.url, { format: 'arrow', retry: quick }))).toEqual(expected);
    const cut = await served((_, response) => response.end(bytes.subarray(0, bytes.length - 8)));
    expect((await refusal(http(cut.url, { format: 'arrow' }))).code).toBe('TRUNCATED_INPUT');
  });
});

describe('http with server-sent events', () => {
  const event = (id: number | null, data: unknown, type?: string) =>
    `${id === null ? '' : `id: ${id}\n`}${type ? `event: ${type}\n` : ''}data: ${JSON.stringify(data)}\n\n`;

  /** Events 1 … `last`, `most` of them in a connection, behind the id that is asked for. */
  const stream =
    (last: number, most: number): Answer =>
    ({ headers }, response) => {
      const from = Number(headers['last-event-id'] ?? 0);
      if (from >= last) {
        response.writeHead(204).end();
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\nretry: 5\n\n');
      for (let id = from + 1; id <= Math.min(last, from + most); id++) response.write(event(id, { n: id }));
      response.end('data: {"half":');
    };

  const ids = (asked: readonly Asked[]) => asked.map(({ headers }) => headers['last-event-id']);
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
  const options = { format: 'sse', batchMs: 20, sampleMs: 20, retry: quick } as const;

  it('connects again behind the last id until the server says that there is no more', async () => {
    const { url, asked } = await served(stream(25, 10));
    const all = await readAll(http(url, options));
    expect(cells(all.map(({ batch }) => batch))).toEqual(numbers(1, 25));
    expect(ids(asked)).toEqual([undefined, '10', '20', '25']);
    expect(all.at(-1)!.next).toMatchObject({ id: '25' });
  });

  it('goes on from every position with not a row lost', async () => {
    const { url } = await served(stream(25, 10));
    const source = http(url, { ...options, batchRows: 4 });
    for (const { next } of await readAll(source)) {
      const { id } = next as { id: string };
      expect(await rowsOf(source, structuredClone(next))).toEqual(numbers(Number(id) + 1, 25));
    }
  });

  it('needs ids to go on, or to be told to do without', async () => {
    const { url } = await served((_, response, nth) => {
      if (nth > 1) response.writeHead(204).end();
      else response.writeHead(200, { 'content-type': 'text/event-stream' }).end(event(null, { n: nth }));
    });
    expect((await refusal(http(url, options))).code).toBe('CORRUPT_INPUT');
    const loose = http(url, { ...options, ids: 'none' });
    expect(loose.guarantee).toBe('at most once');
    expect(await rowsOf(loose)).toEqual(['1']);
  });

  it('gives id and type of events as columns, text as it is, and ends with the stream where asked to', async () => {
    const { url, asked } = await served((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`id: a\nevent: note\ndata: two\ndata: lines\n\n${event(null, 1)}`);
    });
    const source = http(url, {
      ...options,
      data: 'text',
      until: 'end',
      metadata: { id: 'at', event: 'kind' },
    });
    expect(await rowsOf(source)).toEqual(['two\nlines | a | note', '1 | a | message']);
    expect(asked).toHaveLength(1);
  });

  it('refuses what is no stream of events, one without an end to any event, and a server that only hangs up', async () => {
    const page = await served((_, response) => response.setHeader('content-type', 'text/html').end('<p>'));
    expect((await refusal(http(page.url, options))).code).toBe('CORRUPT_INPUT');
    const endless = await served((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${'x'.repeat(5000)}`);
    });
    expect((await refusal(http(endless.url, { ...options, maxRecordBytes: 1000 }))).code).toBe(
      'LIMIT_EXCEEDED',
    );
    const empty = await served((_, response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
    );
    expect((await refusal(http(empty.url, options))).code).toBe('SOURCE_FAILED');
    expect(empty.asked).toHaveLength(4);
  });

  it('stops waiting when its signal aborts', async () => {
    const { url } = await served((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event(1, { n: 1 }));
    });
    const stop = new AbortController();
    const seen: string[] = [];
    await expect(async () => {
      for await (const { batch } of http(url, options).read(undefined, stop.signal)) {
        seen.push(...cells([batch]));
        stop.abort(new Error('enough'));
      }
    }).rejects.toThrow('enough');
    expect(seen).toEqual(['1']);
  });
});

describe('http', () => {
  it('says how often a row takes effect, and checks its options where it is called', () => {
    expect(http('http://x', { format: 'ndjson' }).guarantee).toBe('exactly once');
    expect(http('http://x', { format: 'sse' }).guarantee).toBe('at least once');
    for (const [url, options] of [
      ['nowhere', { format: 'ndjson' }],
      ['ftp://x', { format: 'ndjson' }],
      ['http://x', {}],
      ['http://x', { format: 'csv' }],
      ['http://x', { format: 'ndjson', batchRows: 0 }],
      ['http://x', { format: 'ndjson', endMarker: 'optional' }],
      ['http://x', { format: 'arrow', batchRows: 0 }],
      ['http://x', { format: 'arrow', sampleRows: 5 }],
      ['http://x', { format: 'sse', ids: 'some' }],
      ['http://x', { format: 'sse', unheard: 1 }],
      ['http://x', { format: 'ndjson', headers: { 'a b': 'c' } }],
      ['http://x', { format: 'ndjson', headers: { a: 'b\r\nc: d' } }],
      ['http://x', { format: 'ndjson', method: 'DELETE' }],
      ['http://x', { format: 'ndjson', timeoutMs: 0 }],
    ] as const) {
      expect(() => http(url, options as never), JSON.stringify(options)).toThrow(/^http: option /);
    }
  });
});
