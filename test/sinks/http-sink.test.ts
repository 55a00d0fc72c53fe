/**
 * HTTP as a sink: what is sent, what is sent again and under which key, and what is not told.
 */
import { inspect } from 'node:util';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { httpSink } from '../../sinks/index.js';
import { fromTable } from '../../sources/index.js';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { cells, errorOf, everyType, never, withColumns, writeAll } from '../sources/helpers.js';
import { served } from '../support/http.js';

const quick = { retries: 3, firstDelayMs: 1, maxDelayMs: 2 };
const rows = (count: number, seed = 0) => withColumns(everyType(count, seed), ['int8', 'text']);
const ok = (_: unknown, response: { end(): void }) => response.end();

describe('httpSink', () => {
  it('sends each batch that has rows, in every format', async () => {
    const batches = [rows(3), rows(0), rows(2, 5)];
    const { url, asked } = await served(ok);
    await writeAll(httpSink(url), batches);
    await writeAll(httpSink(url, { format: 'json', method: 'PUT' }), batches);
    await writeAll(httpSink(url, { format: 'arrow' }), batches);
    expect(asked).toHaveLength(6);
    const types = asked.map(({ method, headers }) => `${method} ${headers['content-type']}`);
    expect(types[0]).toBe('POST application/x-ndjson');
    expect(types[2]).toBe('PUT application/json');
    expect(types[4]).toBe('POST application/vnd.apache.arrow.stream');
    const lines = `${asked[0]!.body}`
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual(JSON.parse(`${asked[2]!.body}`));
    expect(lines).toHaveLength(3);
    const streams = [asked[4]!, asked[5]!].flatMap(({ body }) => tableFromIPC(body).batches);
    expect(cells(streams)).toEqual(cells(batches));
  });

  it('sends again what was not answered with success, under the same key, and not before Retry-After', async () => {
    const times: number[] = [];
    const { url, asked } = await served((_, response, nth) => {
      times.push(performance.now());
      if (nth === 0) response.destroy();
      else if (nth === 1) response.writeHead(500).end();
      else if (nth === 2)
        response.writeHead(429, { 'retry-after': new Date(Date.now() + 2000).toUTCString() }).end();
      else response.writeHead(201).end('thanks');
    });
    const sink = httpSink(url, { retry: quick });
    await writeAll(sink, [rows(3), rows(2)]);
    const keys = asked.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys.slice(0, 4)).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}-0-3$/);
    expect(keys[4]).toBe(keys[0]!.toString().replace('-0-3', '-3-5'));
    expect(times[3]! - times[2]!).toBeGreaterThan(900);
  });

  it('ends at once where another request would fare no better, and tells no secrets', async () => {
    for (const status of [400, 401, 413, 301]) {
      const { url, asked } = await served((_, response) =>
        response.writeHead(status, { location: '/other' }).end('no'),
      );
      const sink = httpSink(`${url}?key=hush`, { retry: quick, headers: { authorization: 'hush' } });
      const error = await errorOf(writeAll(sink, [rows(1)]));
      expect(error.code).toBe('SINK_FAILED');
      expect(error.message).toBe(
        `httpSink: POST ${url}, expected an answer of success, got status ${status}: no.`,
      );
      expect(asked).toHaveLength(1);
      expect(inspect([sink, error], { depth: 9, showHidden: true })).not.toContain('hush');
    }
  });

  it('gives up once its retries are used up, on silence too', async () => {
    const down = await served((_, response) => response.writeHead(503).end());
    expect((await errorOf(writeAll(httpSink(down.url, { retry: quick }), [rows(1)]))).code).toBe(
      'SINK_FAILED',
    );
    expect(down.asked).toHaveLength(4);
    const silent = await served(() => {});
    const sink = httpSink(silent.url, { timeoutMs: 30, retry: { ...quick, retries: 1 } });
    expect((await errorOf(writeAll(sink, [rows(1)]))).message).toContain('got no answer within 30 ms');
    expect(silent.asked).toHaveLength(2);
  });

  it('uses the same keys for the same rows in a run that goes on, so that a receiver can tell', async () => {
    const kept = new Map<string, string>();
    let failAt = 5;
    const { url } = await served(({ headers, body }, response, nth) => {
      kept.set(`${headers['idempotency-key']}`, `${body}`);
      // The last answer is lost on its way.
      if (nth === failAt) response.destroy();
      else response.end();
    });
    const batches = Array.from({ length: 9 }, (_, i) => rows(4, i));
    const store = memoryStore();
    const run = () =>
      dataflow('send')
        .from(fromTable(batches))
        .to(httpSink(url, { retry: { retries: 0 } }))
        .run({ checkpoint: { store, everyBatches: 2 }, credit: 1 });
    await expect(run()).rejects.toMatchObject({ code: 'SINK_FAILED' });
    failAt = -1;
    const report = await run();
    expect(report.guarantee).toBe('at least once');
    expect(report.resumedAt).toBe(4);
    const lines = [...kept.values()].join('').trim().split('\n');
    expect(kept.size).toBe(9);
    expect(lines).toHaveLength(36);
  });

  it('stops waiting when its signal aborts, and refuses positions of others', async () => {
    const { url } = await served(() => {});
    const stop = new AbortController();
    const writer = await httpSink(url).open(undefined, stop.signal);
    const writing = writer.write(rows(1));
    stop.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
    for (const position of [7, { rows: 1 }, { run: 'a', rows: -1 }]) {
      expect(() => httpSink(url).open(position, never)).toThrow(/position/);
    }
  });

  it('checks its options where it is called', () => {
    for (const [url, options] of [
      ['nowhere', {}],
      ['http://x', { format: 'csv' }],
      ['http://x', { method: 'GET' }],
      ['http://x', { keyHeader: 'a b' }],
      ['http://x', { headers: { a: 1 } }],
      ['http://x', { retry: { retries: -1 } }],
      ['http://x', { unheard: 1 }],
    ] as const) {
      expect(() => httpSink(url, options as never), JSON.stringify(options)).toThrow(/^httpSink: option /);
    }
  });
});
