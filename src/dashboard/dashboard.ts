/**
 * A page on this machine that shows a running flow: throughput, latency and state in charts, and the last batches of each
 * step.
 *
 * The server listens on 127.0.0.1 alone and answers only requests that name it so: a page from elsewhere cannot read it by
 * way of a name that it points here. It sends nothing but what the page needs, and nothing can be changed through it.
 */
import type { ServerResponse } from 'node:http';
import { reason, sinkFailed } from '../errors.js';
import type { OnStepBatch } from '../meters.js';
import { checked, integer } from '../options.js';
import type { OnProgress, ProgressState } from '../progress.js';
import { assetAt } from './assets.js';
import type { Events, StepSample } from './events.js';
import { History } from './history.js';
import { sampleOf } from './sample.js';

export interface DashboardOptions {
  /** Where to listen, 0 … 65535; 0, the default, is any port that is free. */
  readonly port?: number;
}

/** A page that is being served. Give its listeners to a run, and close it behind the run. */
export interface Dashboard {
  readonly url: string;
  readonly onProgress: OnProgress;
  readonly onStepBatch: OnStepBatch;
  /** Shows how the run ended, and stops serving. */
  close(how?: { readonly error?: unknown }): Promise<void>;
}

/** A step's batches are looked at so often at most. */
const SAMPLE_MS = 500;

/** Serves the page. Node only; SINK_FAILED where the port is taken. */
export async function dashboard(options: DashboardOptions = {}): Promise<Dashboard> {
  const { port } = checked('dashboard', options, [], () => ({
    port: integer({ port: options.port ?? 0 }, 0, 65_535),
  }));
  const watchers = new Watchers();
  const taken = await listen(port, async (path, response) => {
    if (path === '/events') return watchers.add(response);
    const asset = await assetAt(path);
    response.writeHead(asset === undefined ? 404 : 200, { 'content-type': asset?.type ?? 'text/plain' });
    response.end(asset?.body ?? 'not found');
  });
  return {
    url: `http://127.0.0.1:${taken.port}`,
    onProgress: (state) => watchers.tell(state),
    onStepBatch: (step, batch) => watchers.look(step ?? null, () => sampleOf(batch)),
    close(how = {}) {
      watchers.end('error' in how ? reason(how.error) : undefined);
      return taken.close();
    },
  };
}

/** The pages that look on, and what one that comes late must be told. */
class Watchers {
  readonly #pages = new Set<ServerResponse>();
  readonly #history = new History();
  readonly #samples = new Map<string | null, { readonly atMs: number; readonly sample: StepSample }>();
  #newest: ProgressState | undefined;

  add(page: ServerResponse): void {
    page.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.#pages.add(page);
    page.on('close', () => this.#pages.delete(page));
    const samples = [...this.#samples.values()].map(({ sample }) => sample);
    page.write(eventText('begin', { states: this.#history.states, samples }));
  }

  tell(state: ProgressState): void {
    this.#newest = state;
    if (this.#history.add(state)) this.#send('state', state);
  }

  look(step: string | null, sampled: () => StepSample['sample']): void {
    const nowMs = performance.now();
    const last = this.#samples.get(step);
    if (last !== undefined && nowMs - last.atMs < SAMPLE_MS) return;
    const sample = { step, sample: sampled() };
    this.#samples.set(step, { atMs: nowMs, sample });
    this.#send('sample', sample);
  }

  end(error: string | undefined): void {
    this.#send('end', { state: this.#newest, how: error ?? 'done', isGood: error === undefined });
    for (const page of this.#pages) page.end();
  }

  #send<Name extends keyof Events>(name: Name, data: Events[Name]): void {
    if (this.#pages.size === 0) return;
    const text = eventText(name, data);
    for (const page of this.#pages) page.write(text);
  }
}

const eventText = <Name extends keyof Events>(name: Name, data: Events[Name]) =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

const HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self'; img-src 'self' data:",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** A server on 127.0.0.1 that answers GET requests to its own name. */
async function listen(
  asked: number,
  answer: (path: string, response: ServerResponse) => void | Promise<void>,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { createServer } = await import('node:http');
  let port = asked;
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const isOwn = [`127.0.0.1:${port}`, `localhost:${port}`].includes(request.headers.host ?? '');
    if (isOwn && request.method === 'GET') return void answer(request.url ?? '/', response);
    response.writeHead(isOwn ? 405 : 403, { 'content-type': 'text/plain' });
    response.end(isOwn ? 'only GET' : `only as http://127.0.0.1:${port}`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(asked, '127.0.0.1', resolve);
  }).catch((error) => {
    throw sinkFailed('dashboard', `port ${asked}`, 'a port that is free', reason(error), error);
  });
  port = (server.address() as { port: number }).port;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}
