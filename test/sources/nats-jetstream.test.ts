import { Table, tableToIPC } from 'apache-arrow';
import { describe, expect, it, onTestFinished } from 'vitest';
import { collect } from '../../sinks/index.js';
import { type NatsJetStreamOptions, natsJetStream } from '../../sources/index.js';
import { concatBatches } from '../../src/concat.js';
import type { Position, Source } from '../../src/source.js';
import { type HowToRead, jsonNumbers, numbersAsText, readMessages, rowsRead } from '../support/messages.js';
import { type TestStream, testStream } from '../support/nats.js';
import { answers, delay, NATS } from '../support/servers.js';
import { cells, errorOf, everyType, never, withColumns } from './helpers.js';

const isThere = await answers('NATS', NATS);

type Settings = Parameters<typeof testStream>[1];

async function stream(settings: Settings = {}): Promise<TestStream> {
  const made = await testStream(NATS, settings);
  onTestFinished(() => made.remove());
  return made;
}

const source = ({ name }: TestStream, options: Partial<NatsJetStreamOptions> = {}) =>
  natsJetStream({ servers: NATS, stream: name, consumer: 'test', until: 'end', batchMs: 20, ...options });

const read = (from: Source, position?: Position, how: HowToRead = {}) =>
  readMessages(from, { ...how, from: position });
const rows = rowsRead;
const numbers = jsonNumbers;
const values = numbersAsText;

describe.skipIf(!isThere)('natsJetStream', () => {
  it('reads JSON messages in batches, with what the server says of them', async () => {
    const made = await stream();
    await made.publish('a', '{"x":1,"t":"é"}');
    await made.publish('b', '{"x":2.5,"v":[1,2]}');
    const metadata = { subject: 'from', sequence: 'seq', timestamp: 'at' };
    const [first] = await read(source(made, { metadata }));
    expect(first!.batch.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'x Float64',
      't Utf8',
      'v FixedSizeList[2]<Float32>',
      'from Utf8',
      'seq Int64',
      'at Timestamp<MILLISECOND>',
    ]);
    const shown = cells([first!.batch]).map((line) => line.split(' | '));
    expect(shown[0]!.slice(0, 5)).toEqual(['1', 'é', 'null', made.subject('a'), '1']);
    expect(Math.abs(Number(shown[1]![5]) - Date.now())).toBeLessThan(60_000);
    expect(first!.behind).toBe(0);
  });

  it('cuts by rows, and goes on behind any position, exactly', async () => {
    const made = await stream();
    await made.publish('a', ...numbers(0, 1000));
    const whole = await read(source(made, { batchRows: 64 }));
    expect(whole.map(({ batch }) => batch.numRows)).toEqual([...Array(15).fill(64), 40]);
    expect(rows(whole)).toEqual(values(0, 1000));
    for (const cut of [0, 3, 14, 15]) {
      const rest = await read(source(made, { batchRows: 64 }), structuredClone(whole[cut]!.next));
      expect(rows(rest)).toEqual(values(Math.min(1000, (cut + 1) * 64), 1000));
    }
  });

  it('ends behind what was there when the first run began', async () => {
    const made = await stream();
    await made.publish('a', ...numbers(0, 10));
    const [first] = await read(source(made, { batchRows: 4 }), undefined, { most: 1 });
    await made.publish('a', ...numbers(10, 20));
    expect(rows(await read(source(made), first!.next))).toEqual(values(4, 10));
    expect(await read(source(await stream()))).toEqual([]);
    expect((await read(source(await stream(), { schema: { n: 'int32' } })))[0]!.batch.numRows).toBe(0);
  });

  it('waits for more, and cuts a batch that waits for too long', async () => {
    const made = await stream();
    await made.publish('a', '{"n":0}');
    const reading = source(made, { until: 'forever', sampleMs: 50, batchMs: 100 }).read(undefined, never);
    const iterator = reading[Symbol.asyncIterator]();
    expect(rows([(await iterator.next()).value])).toEqual(['0']);
    const next = iterator.next();
    await delay(30);
    await made.publish('a', '{"n":1}', '{"n":2}');
    expect(rows([(await next).value])).toEqual(['1', '2']);
    await iterator.return?.();
    await reading.close?.();
  });

  it('stops waiting when it is told to', async () => {
    const abort = new AbortController();
    const made = await stream();
    setTimeout(() => abort.abort(new Error('enough')), 50);
    const reading = read(source(made, { until: 'forever' }), undefined, { signal: abort.signal });
    await expect(reading).rejects.toThrow('enough');
  });

  it('acknowledges what is committed and nothing else', async () => {
    const made = await stream();
    await made.publish('a', ...numbers(0, 100));
    const floor = async () => (await made.manager.consumers.info(made.name, 'test')).ack_floor.stream_seq;
    const all = await read(source(made, { batchRows: 10 }), undefined, { most: 4 });
    expect(await floor()).toBe(0);
    const reading = source(made, { batchRows: 10 }).read(undefined, never);
    let seen = 0;
    for await (const { next } of reading) if (++seen === 4) await reading.committed?.(next);
    expect(await floor()).toBe(40);
    await reading.close?.();
    expect(rows(await read(source(made)))).toEqual(values(40, 100));
    expect(rows(await read(source(made), all[2]!.next))).toEqual(values(30, 100));
  });

  it('takes messages off a work queue once they are committed', async () => {
    const made = await stream({ retention: 'workqueue' });
    await made.publish('a', ...numbers(0, 50));
    const left = async () => (await made.manager.streams.info(made.name)).state.messages;
    const first = await read(source(made, { batchRows: 10 }), undefined, { most: 2 });
    expect(await left()).toBe(50);
    const rest = await read(source(made, { batchRows: 10 }), first[1]!.next, { commits: true });
    expect(rows(rest)).toEqual(values(20, 50));
    await expect.poll(left).toBe(0);
    expect(await read(source(made))).toEqual([]);
  });

  it('reads one subject of several', async () => {
    const made = await stream();
    for (let i = 0; i < 20; i++) await made.publish(i % 2 ? 'odd' : 'even', `{"n":${i}}`);
    expect(rows(await read(source(made, { subjects: made.subject('odd') })))).toEqual(
      values(0, 20).filter((n) => Number(n) % 2),
    );
    await made.publish('even', '{"n":20}');
    expect(rows(await read(source(made, { subjects: made.subject('odd'), consumer: 'other' })))).toHaveLength(
      10,
    );
  });

  it('reads Arrow messages of every type, bytes and text', async () => {
    const made = await stream();
    const names = ['int8', 'int64', 'float', 'bool', 'text', 'bytes', 'nanos', 'list', 'vector', 'struct'];
    const parts = [withColumns(everyType(20), names), withColumns(everyType(7, 3), names)];
    for (const part of parts) await made.publish('arrow', tableToIPC(new Table([part]), 'stream'));
    const arrow = await read(source(made, { format: 'arrow', metadata: { sequence: 'seq' } }));
    expect(arrow).toHaveLength(1);
    expect(cells([withColumns(arrow[0]!.batch, names)])).toEqual(cells([concatBatches(parts)]));
    expect(arrow[0]!.batch.getChild('seq')!.toArray().at(-1)).toBe(2n);
    const plain = await stream();
    await plain.publish('a', 'é', new Uint8Array([255, 0]));
    expect(rows(await read(source(plain, { format: 'bytes' })))).toEqual(['[195,169]', '[255,0]']);
    const error = await errorOf(read(source(plain, { format: 'text' })));
    expect(error.message).toContain('message 2, expected a row that fits');
  });

  it('fails at, skips, or rejects a message that is no row, and never meets it again', async () => {
    const made = await stream();
    await made.publish('a', '{"n":1}', 'poison', '{"n":"x"}', '{"n":2}', '[]');
    const error = await errorOf(read(source(made)));
    expect([error.code, error.at.line]).toEqual(['CORRUPT_INPUT', 2]);
    const given: Partial<NatsJetStreamOptions> = { schema: { n: 'int32' }, badRows: 'skip' };
    const skipped = await read(source(made, given), undefined, { commits: true });
    expect(rows(skipped)).toEqual(['1', '2']);
    expect(skipped[0]!.skipped).toBe(3);
    expect(await read(source(made, { badRows: 'skip' }))).toEqual([]);
    const rejects = collect();
    const rejected = await read(source(made, { ...given, badRows: rejects, consumer: 'other' }));
    expect(rejected[0]!.rejected).toBe(3);
    expect(cells(rejects.batches).map((line) => line.split(' | ').slice(0, 3))).toEqual([
      [made.name, '2', 'null'],
      [made.name, '3', 'n'],
      [made.name, '5', 'null'],
    ]);
  });

  it('carries its position over poison alone', async () => {
    const made = await stream();
    await made.publish('a', 'poison', 'poison');
    const options: Partial<NatsJetStreamOptions> = {
      badRows: 'skip',
      schema: { n: 'int32' },
      until: 'forever',
    };
    const [first] = await read(source(made, options), undefined, { most: 1 });
    expect(first!.batch.numRows).toBe(0);
    expect(first!.next).toMatchObject({ sequence: 2 });
  });

  it('refuses a stream that is another, or has lost what was not read', async () => {
    const made = await stream({ max_msgs: 20 });
    await made.publish('a', ...numbers(0, 20));
    const [first] = await read(source(made, { batchRows: 10 }), undefined, { most: 1 });
    await made.publish('a', ...numbers(20, 35));
    const error = await errorOf(read(source(made), first!.next));
    expect(error.code).toBe('SOURCE_FAILED');
    expect(error.message).toContain("its messages from 11 on (or option lost: 'pass'), got from 16 on");
    expect(
      rows(await read(source(made, { lost: 'pass', until: 'forever' }), first!.next, { most: 1 })),
    ).toEqual(values(15, 35));
    await made.manager.streams.delete(made.name);
    await made.manager.streams.add({ name: made.name, subjects: [`${made.name}.>`] });
    expect((await errorOf(read(source(made), first!.next))).message).toContain('one made at');
    await made.manager.streams.update(made.name, {});
  });

  it('says what is wrong with its options, its server and its stream', async () => {
    expect(() => natsJetStream({ stream: '', consumer: 'c' })).toThrow('natsJetStream: option stream');
    expect(() => natsJetStream({ stream: 's', consumer: 'c', metadata: { size: 'x' } as never })).toThrow(
      'any of subject, sequence, timestamp',
    );
    const retry = { retries: 1, firstDelayMs: 1 };
    const gone = natsJetStream({ servers: '127.0.0.1:1', stream: 's', consumer: 'c', retry });
    expect((await errorOf(read(gone))).code).toBe('SOURCE_FAILED');
    const missing = natsJetStream({ servers: NATS, stream: 'no_such', consumer: 'c' });
    expect((await errorOf(read(missing))).message).toContain('stream not found');
  });
});
