/**
 * The dashboard: what its server gives to whom, and the page in Chromium, where there is one.
 */
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { Table, vectorFromArray } from 'apache-arrow';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '../../sinks/index.js';
import { fromTable } from '../../sources/index.js';
import { type Dashboard, dashboard } from '../../src/dashboard/dashboard.js';
import { History } from '../../src/dashboard/history.js';
import { sampleOf } from '../../src/dashboard/sample.js';
import { dataflow } from '../../src/dataflow.js';
import type { ProgressState } from '../../src/progress.js';
import type { Source } from '../../src/source.js';
import { stateless } from '../../src/stateless.js';
import { CHROMIUM } from '../browser/bundle.js';
import { Counting, failure, Recording, runningSum, tick } from '../engine/helpers.js';

const open: Dashboard[] = [];
async function served(): Promise<Dashboard> {
  const page = await dashboard();
  open.push(page);
  return page;
}
afterEach(() => Promise.all(open.splice(0).map((page) => page.close())));

/** The status and the text of a request whose headers are one's own. */
function asked(url: string, options: { method?: string; host?: string } = {}): Promise<[number, string]> {
  const { method = 'GET', host } = options;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, ...(host && { headers: { host } }) }, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => {
        text += data.toString();
      });
      response.on('end', () => resolve([response.statusCode!, text]));
    });
    sent.on('error', reject);
    sent.end();
  });
}

const run = (page: Dashboard, batches = 5) =>
  dataflow('sums')
    .from(new Counting(batches))
    .step('sum', runningSum({}))
    .to(new Recording({ column: 'sum' }))
    .run({ onProgress: page.onProgress, onStepBatch: page.onStepBatch, progressMs: 0 });

describe('the server of the dashboard', () => {
  it('gives the page and what it needs, and nothing else', async () => {
    const { url } = await served();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await asked(`${url}/`))[1]).toContain('/dashboard/client/main.js');
    expect((await asked(`${url}/dashboard/client/charts.js`))[1]).toContain("from '/uplot.js'");
    expect((await asked(`${url}/uplot.js`))[0]).toBe(200);
    for (const path of [
      '/etc/passwd',
      '/dashboard/dashboard.js',
      '/../package.json',
      '/dashboard/client/../page.js',
    ]) {
      expect(await asked(url + path)).toEqual([404, 'not found']);
    }
  });

  it('answers only to its own name, so that no other name can be pointed at it, and only GET', async () => {
    const { url } = await served();
    const { port } = new URL(url);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1.evil.example:${port}`,
    ]) {
      expect((await asked(url, { host }))[0]).toBe(403);
      expect((await asked(`${url}/events`, { host }))[0]).toBe(403);
    }
    expect((await asked(url, { host: `localhost:${port}` }))[0]).toBe(200);
    expect((await asked(url, { method: 'POST' }))[0]).toBe(405);
  });

  it('tells a late page what there was, and all how it ended', async () => {
    const page = await served();
    await run(page);
    const events = asked(`${page.url}/events`);
    await tick(50);
    await page.close({ error: new Error('disk on fire') });
    const [, text] = await events;
    const [begin, end] = [...text.matchAll(/event: (\w+)\ndata: (.*)\n/g)].map(([, name, data]) => [
      name,
      JSON.parse(data!) as Record<string, never>,
    ]) as [[string, Record<string, never[]>], [string, object]];
    expect(begin[0]).toBe('begin');
    expect(begin[1].states!.length).toBeGreaterThan(0);
    expect(begin[1].samples!.map(({ step }) => step)).toEqual([null, 'sum']);
    expect(end).toEqual([
      'end',
      { state: expect.objectContaining({ rows: 20 }), how: 'disk on fire', isGood: false },
    ]);
  });

  it('says which port is taken', async () => {
    const { url } = await served();
    const error = await failure(dashboard({ port: Number(new URL(url).port) }), 'SINK_FAILED');
    expect(error.message).toMatch(/^dashboard: port \d+, expected a port that is free, got .*EADDRINUSE/);
  });
});

describe('what the dashboard keeps', () => {
  it('is bounded, from the beginning of the run to its end', () => {
    const history = new History();
    for (let i = 0; i < 20_000; i++) history.add({ seconds: i } as ProgressState);
    const seconds = history.states.map((state) => state.seconds);
    expect(seconds.length).toBeLessThanOrEqual(1000);
    expect([seconds[0], seconds.at(-1)! > 19_900]).toEqual([0, true]);
    expect(history.add({ seconds: 0 } as ProgressState)).toBe(true);
    expect(history.states.length).toBe(1);
  });

  it('of a batch is a few rows of short texts', () => {
    const [batch] = new Table({
      text: vectorFromArray(['x'.repeat(100), null, ...Array.from({ length: 50 }, () => 'y')]),
      list: vectorFromArray(Array.from({ length: 52 }, (_, i) => [i / 3, 1])),
    }).batches;
    const sample = sampleOf(batch!);
    expect(sample).toMatchObject({ numRows: 52, moreColumns: 0 });
    expect(sample.rows.length).toBe(6);
    expect(sample.rows[0]).toEqual([`${'x'.repeat(59)}…`, '[0,1]']);
    expect(sample.rows[1]).toEqual([null, '[0.3333,1]']);
  });
});

describe.skipIf(!existsSync(CHROMIUM))(
  `the page in ${CHROMIUM} (skipped where that is not installed)`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    });
    afterAll(() => browser?.close());

    it('shows the flow as it runs: numbers, steps, charts, rows as text, and how it ended', async () => {
      const page = await served();
      const tab = await browser.newPage();
      const problems: string[] = [];
      tab.on('pageerror', (error) => problems.push(error.message));
      tab.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
      await tab.goto(page.url);
      const rows = new Table({
        text: vectorFromArray(Array.from({ length: 600 }, (_, i) => `<b>row</b> ${i}`)),
      });
      const slow = stateless((batch) => batch);
      const source = fromTable(rows, { batchRows: 1 });
      const throttled: Source = {
        name: 'throttled',
        async *read(from, signal) {
          for await (const sourced of source.read(from, signal)) {
            await tick(5);
            yield sourced;
          }
        },
      };
      const live = dataflow('page')
        .from(throttled)
        .step('look', slow)
        .to(collect())
        .start({ onProgress: page.onProgress, onStepBatch: page.onStepBatch });
      await tab.waitForFunction(() => document.querySelectorAll('.uplot canvas').length === 4);
      await tab.waitForFunction(() =>
        document.querySelector('#samples td')?.textContent?.startsWith('<b>row</b>'),
      );
      expect(await tab.textContent('#flow')).toBe('page');
      expect(await tab.textContent('#status')).toBe('running');
      expect(await tab.locator('.place strong').allTextContents()).toEqual(['source', 'look']);
      await tab.click('.place >> text=source');
      expect(await tab.textContent('#samples-title')).toBe('Last batches of the source');
      expect(await tab.title()).toBe('page – Chunkwise');
      await live.done;
      await page.close();
      await tab.waitForFunction(() => document.querySelector('#status')?.textContent === 'done');
      expect(await tab.textContent('#tiles')).toMatch(/^600rows/);
      expect(problems).toEqual([]);
      await tab.close();
    });
  },
);
