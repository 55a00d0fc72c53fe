import { connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mqttSink } from '../../sinks/index.js';
import { type MqttSourceOptions, mqtt } from '../../sources/index.js';
import type { Sourced } from '../../src/source.js';
import { jsonNumbers, numbered, numbersAsText, readMessages, rowsRead } from '../support/messages.js';
import { answers, delay, hasProgram, MQTT, mosquitto, ownName, ownServer } from '../support/servers.js';
import { cells, errorOf, everyType, never, withColumns, writeAll } from './helpers.js';

const isThere = await answers('MQTT', MQTT);
const hasBroker = await hasProgram('mosquitto');

interface Topic {
  readonly name: string;
  readonly client: MqttClient;
  publish(from: number, to: number): Promise<void>;
  /** Makes the session, so that the broker keeps messages for it before it is read. */
  subscribed(): Promise<void>;
}

async function topic(server = MQTT): Promise<Topic> {
  const client = await connectAsync(`mqtt://${server}`, { reconnectPeriod: 50 });
  const name = ownName('mqtt');
  onTestFinished(async () => {
    const last = await connectAsync(`mqtt://${server}`, { clientId: name, clean: true }).catch(
      () => undefined,
    );
    await last?.endAsync();
    client.end(true);
  });
  return {
    name,
    client,
    async publish(from, to) {
      await Promise.all(
        jsonNumbers(from, to).map((text) => client.publishAsync(`${name}/a`, text, { qos: 1 })),
      );
    },
    async subscribed() {
      await readMessages(source({ name }), { signal: AbortSignal.timeout(300) }).catch(() => {});
    },
  };
}

const source = ({ name }: { name: string }, options: Partial<MqttSourceOptions> = {}, server = MQTT) =>
  mqtt({
    url: `mqtt://${server}`,
    topics: `${name}/#`,
    clientId: name,
    schema: { n: 'int32' },
    sampleMs: 100,
    batchMs: 100,
    ...options,
  });

/** Reads until so many rows have come. */
async function readRows(from: ReturnType<typeof source>, rows: number, commits = false): Promise<string[]> {
  const reading = from.read(undefined, AbortSignal.timeout(20_000));
  const all: Sourced[] = [];
  let count = 0;
  for await (const sourced of reading) {
    all.push(sourced);
    if (commits) await reading.committed?.(sourced.next);
    count += sourced.batch.numRows;
    if (count >= rows) break;
  }
  await reading.close?.();
  return rowsRead(all);
}

describe.skipIf(!isThere)('mqtt', () => {
  it('reads what is published, and from the session what was published meanwhile', async () => {
    const made = await topic();
    expect(source(made).guarantee).toBe('at least once');
    await made.subscribed();
    await made.publish(0, 300);
    expect(await readRows(source(made, { batchRows: 100 }), 300, true)).toEqual(numbersAsText(0, 300));
    await made.publish(300, 400);
    expect(await readRows(source(made), 100, true)).toEqual(numbersAsText(300, 400));
  });

  it('acknowledges what is committed and nothing else', async () => {
    const made = await topic();
    await made.subscribed();
    await made.publish(0, 200);
    expect(await readRows(source(made, { batchRows: 50 }), 200)).toEqual(numbersAsText(0, 200));
    const reading = source(made, { batchRows: 50 }).read(undefined, never);
    let batches = 0;
    for await (const { next } of reading) {
      if (++batches <= 2) await reading.committed?.(next);
      if (batches === 3) break;
    }
    await reading.close?.();
    expect(await readRows(source(made), 100)).toEqual(numbersAsText(100, 200));
  });

  it('keeps the broker back while its buffer is full', async () => {
    const made = await topic();
    await made.subscribed();
    await made.publish(0, 900);
    const reading = source(made, { batchRows: 10, prefetchMessages: 20 }).read(undefined, never);
    const iterator = reading[Symbol.asyncIterator]();
    const first = await iterator.next();
    await delay(200);
    const rest: Sourced[] = [first.value];
    while (rest.length < 90) rest.push((await iterator.next()).value);
    expect(rowsRead(rest)).toEqual(numbersAsText(0, 900));
    await iterator.return?.();
    await reading.close?.();
  });

  it('tells the topic, reads a topic of service 0 without a session, and stops when it is told to', async () => {
    const made = await topic();
    const live = mqtt({
      url: `mqtt://${MQTT}`,
      topics: [`${made.name}/a`, `${made.name}/b`],
      qos: 0,
      format: 'text',
      batchMs: 50,
      sampleMs: 50,
      metadata: { topic: 'topic', retained: 'kept' },
    });
    expect(live.guarantee).toBe('at most once');
    const abort = new AbortController();
    const iterator = live.read(undefined, abort.signal)[Symbol.asyncIterator]();
    const next = iterator.next();
    await delay(200);
    await made.client.publishAsync(`${made.name}/b`, 'é');
    expect(cells([(await next).value.batch])).toEqual([`é | ${made.name}/b | false`]);
    const last = iterator.next();
    abort.abort(new Error('enough'));
    await expect(last).rejects.toThrow('enough');
  });

  it('says what is wrong with its options and its broker', async () => {
    expect(() => mqtt({ topics: 'a' })).toThrow('option clientId, expected a name for the session');
    const retry = { retries: 1, firstDelayMs: 1 };
    const gone = mqtt({ url: 'mqtt://127.0.0.1:1', topics: 'a', qos: 0, retry, password: 'secret-word' });
    const error = await errorOf(readMessages(gone));
    expect(error.code).toBe('SOURCE_FAILED');
    expect(error.message).not.toContain('secret-word');
  });
});

describe.skipIf(!isThere)('mqttSink', () => {
  it('publishes rows in order, at every quality of service, and batches as Arrow', async () => {
    for (const qos of [0, 1, 2] as const) {
      const made = await topic();
      await made.subscribed();
      const sink = mqttSink({ url: `mqtt://${MQTT}`, topic: `${made.name}/out`, qos });
      expect(sink.guarantee).toBe(qos === 0 ? undefined : 'at least once');
      const reading = readRows(source(made), 300, true);
      await delay(100);
      await writeAll(sink, [numbered(0, 100), numbered(100, 300)]);
      expect(await reading).toEqual(numbersAsText(0, 300));
    }
    const made = await topic();
    await made.subscribed();
    const batches = [withColumns(everyType(60), ['int64', 'text', 'bytes', 'vector', 'struct'])];
    const sink = mqttSink({
      url: `mqtt://${MQTT}`,
      topic: `${made.name}/out`,
      format: 'arrow',
      maxMessageBytes: 3000,
    });
    await writeAll(sink, batches);
    expect(await readRows(source(made, { format: 'arrow', schema: {} }), 60, true)).toEqual(cells(batches));
  });

  it('tells a broker that is not there by a typed error', async () => {
    const retry = { retries: 1, firstDelayMs: 1 };
    const sink = mqttSink({ url: 'mqtt://127.0.0.1:1', topic: 'a', retry });
    expect((await errorOf(writeAll(sink, []))).code).toBe('SINK_FAILED');
  });
});

describe.skipIf(!hasBroker)('an MQTT broker that is killed under load', () => {
  it('comes back, and what it had acknowledged is not lost', { timeout: 60_000 }, async () => {
    const server = await ownServer(mosquitto);
    await server.start();
    const made = await topic(server.address);
    const retry = { retries: 1000, firstDelayMs: 20, maxDelayMs: 100 };
    const from = source(made, { retry, batchRows: 20 }, server.address);
    const seen = new Set<string>();
    const reading = from.read(undefined, AbortSignal.timeout(50_000));
    const read = (async () => {
      for await (const sourced of reading) {
        for (const row of rowsRead([sourced])) seen.add(row);
        await reading.committed?.(sourced.next);
        if (seen.size === 3000) break;
      }
    })();
    await delay(300);
    const sink = mqttSink({
      url: `mqtt://${server.address}`,
      topic: `${made.name}/out`,
      retry,
      inFlight: 16,
    });
    const writer = await sink.open(undefined, never);
    for (let i = 0; i < 30; i++) {
      await writer.write(numbered(i * 100, i * 100 + 100));
      // The broker writes to disk every second, and loses what it has not written.
      if (i % 15 === 14) {
        await delay(1500);
        await server.kill();
        await server.start();
      }
    }
    await writer.finish();
    await read;
    await reading.close?.();
    expect(seen).toEqual(new Set(numbersAsText(0, 3000)));
  });

  it('stays away: a typed error', async () => {
    const server = await ownServer(mosquitto);
    await server.start();
    const made = await topic(server.address);
    const retry = { retries: 2, firstDelayMs: 10, maxDelayMs: 20 };
    const reading = errorOf(readMessages(source(made, { retry }, server.address)));
    const sink = mqttSink({ url: `mqtt://${server.address}`, topic: `${made.name}/out`, retry });
    const writer = await sink.open(undefined, never);
    await writer.write(numbered(0, 10));
    await delay(200);
    await server.kill();
    expect((await reading).code).toBe('SOURCE_FAILED');
    expect((await errorOf(Promise.resolve(writer.write(numbered(10, 20))))).code).toBe('SINK_FAILED');
    await writer.abandon(true);
  });
});
