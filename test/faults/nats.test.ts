/**
 * NATS → operators → NATS, with the process killed, and with the server killed and started again: not a row is lost or
 * doubled, and every row is in its place. `FAULT_SEED` replays the moments.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { natsJetStreamSink } from '../../sinks/index.js';
import { natsJetStream } from '../../sources/index.js';
import { directoryStore } from '../../src/directory-store.js';
import { DataflowError } from '../../src/errors.js';
import { type TestStream, testStream } from '../support/nats.js';
import {
  generator,
  recurrence,
  recurrenceMessages,
  recurrenceSchema as schema,
  throttled,
} from '../support/recurrence.js';
import { answers, delay, hasProgram, NATS, natsServer, ownServer } from '../support/servers.js';
import { built } from './child.js';
import { killedUntilDone } from './killed.js';

const MESSAGES = 1500;
const KILLS = 12;
const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
const seed = Number(process.env.FAULT_SEED ?? 20_260_902);
const isThere = await answers('NATS', NATS);
const hasServer = await hasProgram('nats-server');

afterAll(() => rmSync(root, { recursive: true }));

const flow = (server: string, input: TestStream, output: TestStream, retries: number) => {
  const retry = { retries, firstDelayMs: 20, maxDelayMs: 200 };
  const common = { servers: server, retry, timeoutMs: 1000 };
  return recurrence(
    throttled(
      natsJetStream({ ...common, stream: input.name, consumer: 'flow', until: 'end', batchRows: 20, schema }),
      12,
    ),
    natsJetStreamSink({ ...common, stream: output.name, subject: output.subject('out'), inFlight: 16 }),
  );
};

/** Streams of a server with the input in one, and what is to come of it. */
async function streams(server: string): Promise<readonly [TestStream, TestStream, readonly string[]]> {
  const [input, output, whole] = [
    await testStream(server),
    await testStream(server),
    await testStream(server),
  ];
  await input.publish('in', ...recurrenceMessages(MESSAGES));
  await flow(server, input, whole, 0).run();
  await input.manager.consumers.delete(input.name, 'flow');
  const expected = await whole.texts();
  await whole.remove();
  expect(expected).toHaveLength(MESSAGES);
  return [input, output, expected];
}

describe.skipIf(!isThere)('a process between NATS streams that is killed at random moments', () => {
  let script = '';
  beforeAll(() => {
    script = built('./broker-flow.ts', join(root, 'flow.mjs'));
  });

  it(`publishes every row once, over ${KILLS} kills (seed ${seed})`, { timeout: 120_000 }, async () => {
    const [input, output, expected] = await streams(NATS);
    const args = ['nats', NATS, input.name, output.name, root];
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

describe.skipIf(!hasServer)('a NATS server that is killed under load', () => {
  it('comes back, and the flow goes on as if nothing had happened', { timeout: 120_000 }, async () => {
    const server = await ownServer(natsServer);
    await server.start();
    const [input, output, expected] = await streams(server.address);
    const random = generator(seed);
    let isDone = false;
    let kills = 0;
    const store = directoryStore(place('comes-back'));
    const running = flow(server.address, input, output, 1000)
      .run({ checkpoint: { store, everyBatches: 4 } })
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
  });

  it('stays away: a typed error, and a later run goes on where it was', { timeout: 60_000 }, async () => {
    const server = await ownServer(natsServer);
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
    const published = async () => (await output.manager.streams.info(output.name)).state.messages;
    await expect.poll(published, { interval: 5 }).toBeGreaterThan(200);
    await server.kill();
    const error = await running;
    expect(error).toBeInstanceOf(DataflowError);
    expect(['SOURCE_FAILED', 'SINK_FAILED']).toContain((error as DataflowError).code);
    await server.start();
    const report = await run(20);
    expect(report.resumedAt).toBeGreaterThan(0);
    expect(await output.texts()).toEqual(expected);
  });
});

function place(name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  expect(readdirSync(path)).toEqual([]);
  return path;
}
