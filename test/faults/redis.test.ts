/**
 * Redis → operators → Redis, with the process killed, and with the server (which writes to disk before it answers) killed and
 * started again: not a row is lost or doubled, and every row is in its place. `FAULT_SEED` replays the moments.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisStreamSink } from '../../sinks/index.js';
import { redisStream } from '../../sources/index.js';
import { directoryStore } from '../../src/directory-store.js';
import { DataflowError } from '../../src/errors.js';
import {
  generator,
  recurrence,
  recurrenceMessages,
  recurrenceSchema as schema,
  throttled,
} from '../support/recurrence.js';
import { type TestRedisStream, testRedisStream } from '../support/redis.js';
import { answers, delay, hasProgram, ownServer, REDIS, redisServer } from '../support/servers.js';
import { built } from './child.js';
import { killedUntilDone } from './killed.js';

const MESSAGES = 1500;
const KILLS = 10;
const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
const seed = Number(process.env.FAULT_SEED ?? 20_260_903);
const isThere = await answers('Redis', REDIS);
const hasServer = await hasProgram('redis-server');

afterAll(() => rmSync(root, { recursive: true }));

const flow = (server: string, input: TestRedisStream, output: TestRedisStream, retries: number) => {
  const retry = { retries, firstDelayMs: 20, maxDelayMs: 200 };
  const common = { url: `redis://${server}`, field: 'data', retry, timeoutMs: 1000 };
  return recurrence(
    throttled(
      redisStream({ ...common, key: input.key, group: 'flow', until: 'end', batchRows: 20, schema }),
      12,
    ),
    redisStreamSink({ ...common, key: output.key }),
  );
};

/** Streams of a server with the input in one, and what is to come of it. */
async function streams(server: string) {
  const [input, output, whole] = [testRedisStream(server), testRedisStream(server), testRedisStream(server)];
  await input.add(...recurrenceMessages(MESSAGES));
  await flow(server, input, whole, 0).run();
  await input.redis.xgroup('DESTROY', input.key, 'flow');
  const expected = await whole.texts();
  await whole.remove();
  expect(expected).toHaveLength(MESSAGES);
  return [input, output, expected] as const;
}

describe.skipIf(!isThere)('a process between Redis streams that is killed at random moments', () => {
  let script = '';
  beforeAll(() => {
    script = built('./broker-flow.ts', join(root, 'flow.mjs'));
  });

  it(`adds every row once, over ${KILLS} kills (seed ${seed})`, { timeout: 120_000 }, async () => {
    const [input, output, expected] = await streams(REDIS);
    const args = ['redis', REDIS, input.key, output.key, root];
    const kills = await killedUntilDone(script, args, {
      most: KILLS,
      withinMs: 300,
      random: generator(seed),
    });
    expect(kills).toBeGreaterThan(2);
    expect(await output.texts()).toEqual(expected);
    await input.remove();
    await output.remove();
  });
});

describe.skipIf(!hasServer)('a Redis server that is killed under load', () => {
  it('comes back, and the flow goes on as if nothing had happened', { timeout: 120_000 }, async () => {
    const server = await ownServer(redisServer);
    await server.start();
    const [input, output, expected] = await streams(server.address);
    const random = generator(seed);
    let isDone = false;
    let kills = 0;
    const running = flow(server.address, input, output, 1000)
      .run({ checkpoint: { store: directoryStore(place('comes-back')), everyBatches: 4 } })
      .finally(() => {
        isDone = true;
      });
    while (!isDone && kills < 6) {
      await delay(40 + random() * 150);
      if (isDone) break;
      await server.kill();
      kills++;
      await delay(random() * 300);
      await server.start();
    }
    await running;
    expect(kills).toBeGreaterThan(2);
    expect(await output.texts()).toEqual(expected);
    await Promise.all([input.remove(), output.remove()]);
  });

  it('stays away: a typed error, and a later run goes on where it was', { timeout: 60_000 }, async () => {
    const server = await ownServer(redisServer);
    await server.start();
    const [input, output, expected] = await streams(server.address);
    const store = directoryStore(place('stays-away'));
    const run = (retries: number) =>
      flow(server.address, input, output, retries).run({ checkpoint: { store, everyBatches: 4 } });
    const running = run(2).then(
      () => 'done',
      (error: unknown) => error,
    );
    // Behind a checkpoint or two.
    await expect.poll(() => output.redis.xlen(output.key), { interval: 5 }).toBeGreaterThan(200);
    await server.kill();
    const error = await running;
    expect(error).toBeInstanceOf(DataflowError);
    expect(['SOURCE_FAILED', 'SINK_FAILED']).toContain((error as DataflowError).code);
    await server.start();
    expect((await run(20)).resumedAt).toBeGreaterThan(0);
    expect(await output.texts()).toEqual(expected);
    await Promise.all([input.remove(), output.remove()]);
  });
});

function place(name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  return path;
}
