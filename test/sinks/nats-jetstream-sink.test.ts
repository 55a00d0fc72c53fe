import { Int32, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type NatsJetStreamSinkOptions, natsJetStreamSink } from '../../sinks/index.js';
import { natsJetStream } from '../../sources/index.js';
import { concatBatches } from '../../src/concat.js';
import type { Position } from '../../src/source.js';
import { cells, errorOf, everyType, never, withColumns, writeAll } from '../sources/helpers.js';
import { jsonNumbers, numbered, numbersAsText, readMessages, rowsRead } from '../support/messages.js';
import { type TestStream, testStream } from '../support/nats.js';
import { answers, delay, NATS } from '../support/servers.js';

const isThere = await answers('NATS', NATS);
const SECOND_NS = 1e9;

async function stream(settings: Parameters<typeof testStream>[1] = {}): Promise<TestStream> {
  const made = await testStream(NATS, settings);
  onTestFinished(() => made.remove());
  return made;
}

const sink = (made: TestStream, options: Partial<NatsJetStreamSinkOptions> = {}) =>
  natsJetStreamSink({ servers: NATS, stream: made.name, subject: made.subject('out'), ...options });

const source = (made: TestStream, format: 'json' | 'arrow') =>
  natsJetStream({ servers: NATS, stream: made.name, consumer: 'check', until: 'end', format });

/** Writes 0 … 99, then some that no checkpoint knows, and stops as if it had been killed. */
async function killed(made: TestStream, options: Partial<NatsJetStreamSinkOptions> = {}): Promise<Position> {
  const writer = await sink(made, options).open(undefined, never);
  await writer.write(numbered(0, 100));
  const position = structuredClone(await writer.position());
  await writer.write(numbered(100, 140));
  await writer.abandon(true);
  return position;
}

describe.skipIf(!isThere)('natsJetStreamSink', () => {
  it('publishes a row a message, in order', async () => {
    const made = await stream();
    await writeAll(sink(made, { inFlight: 7 }), [numbered(0, 50), numbered(50, 50), numbered(50, 121)]);
    expect(await made.texts()).toEqual(jsonNumbers(0, 121));
  });

  it('publishes batches of every type as Arrow, which the source reads back', async () => {
    const made = await stream();
    const names = ['int8', 'int64', 'float', 'bool', 'text', 'bytes', 'nanos', 'list', 'vector', 'struct'];
    const batches = [withColumns(everyType(100), names), withColumns(everyType(50, 3), names)];
    await writeAll(sink(made, { format: 'arrow', maxMessageBytes: 5000 }), batches);
    expect((await made.manager.streams.info(made.name)).state.messages).toBeGreaterThan(3);
    const read = await readMessages(source(made, 'arrow'));
    expect(cells(read.map(({ batch }) => batch))).toEqual(cells([concatBatches(batches)]));
  });

  it('addresses rows by a column, which is in no payload', async () => {
    const made = await stream();
    const batch = withColumns(everyType(4), ['int8', 'text']);
    const error = await errorOf(writeAll(sink(made, { subject: { column: 'text' } }), [batch]));
    expect(error.message).toContain('subject of row 0, expected a subject of the stream, got null');
    const subjects = vectorFromArray(['x', 'y'].map(made.subject), new Utf8());
    const addressed = new Table({ to: subjects, n: vectorFromArray([1, 2], new Int32()) }).batches;
    await writeAll(sink(made, { subject: { column: 'to' } }), addressed);
    const read = await readMessages(natsJetStream({ ...pair(made), metadata: { subject: 'to' } }));
    expect(rowsRead(read)).toEqual([`1 | ${made.subject('x')}`, `2 | ${made.subject('y')}`]);
  });

  it('keeps to the limit of the stream for a message', async () => {
    const made = await stream({ max_msg_size: 4000 });
    const batches = [withColumns(everyType(300), ['int64', 'text'])];
    await writeAll(sink(made, { format: 'arrow' }), batches);
    const read = await readMessages(source(made, 'arrow'));
    expect(rowsRead(read)).toEqual(cells(batches));
  });

  it('goes on from a position without a row lost or doubled, however rows are cut and whoever writes besides', async () => {
    for (const format of ['json', 'arrow'] as const) {
      const made = await stream();
      const position = await killed(made, { format });
      await made.publish('other', '{"n":-1}');
      const batches = [numbered(100, 117), numbered(117, 139), numbered(139, 200)];
      await writeAll(sink(made, { format }), batches, position);
      const read = await readMessages(
        natsJetStream({ ...pair(made), format, subjects: made.subject('out') }),
      );
      expect(cells(read.map(({ batch }) => batch))).toEqual(cells([numbered(0, 200)]));
    }
  });

  it('does so beyond the duplicate window, and from a position that is older than others', async () => {
    const made = await stream({ duplicate_window: 0.1 * SECOND_NS });
    const position = await killed(made);
    await delay(400);
    const again = await sink(made).open(position, never);
    await again.write(numbered(100, 170));
    await again.abandon(true);
    await writeAll(sink(made), [numbered(100, 300)], position);
    expect(await made.texts()).toEqual(jsonNumbers(0, 300));
  });

  it('relies on the duplicate window of a stream that drops messages, and no longer than that', async () => {
    const made = await stream({ retention: 'workqueue', duplicate_window: 3 * SECOND_NS });
    const position = await killed(made);
    const reading = { ...pair(made), batchRows: 10 };
    expect(await readMessages(natsJetStream(reading), { commits: true })).toHaveLength(14);
    await writeAll(sink(made), [numbered(100, 150)], position);
    expect(rowsRead(await readMessages(natsJetStream(reading)))).toEqual(numbersAsText(140, 150));
    expect((await errorOf(writeAll(sink(made, { format: 'arrow' }), [], position))).code).toBe('SINK_FAILED');
    await delay(3100);
    const error = await errorOf(writeAll(sink(made), [numbered(100, 150)], position));
    expect(error.message).toContain('or a checkpoint of the last 3 s');
  });

  it('takes a new run for another than the one before', async () => {
    const made = await stream();
    await writeAll(sink(made), [numbered(0, 3)]);
    await writeAll(sink(made), [numbered(0, 3)]);
    expect(await made.texts()).toEqual([...jsonNumbers(0, 3), ...jsonNumbers(0, 3)]);
  });

  it('refuses what cannot go', async () => {
    const made = await stream();
    const long = withColumns(everyType(3), ['view']);
    const retry = { retries: 1, firstDelayMs: 1 };
    expect((await errorOf(writeAll(sink(made, { maxMessageBytes: 10 }), [long]))).code).toBe(
      'LIMIT_EXCEEDED',
    );
    expect((await errorOf(writeAll(sink(made, { subject: 'nowhere', retry }), []))).message).toContain(
      "subject 'nowhere', expected one of stream",
    );
    const gone = natsJetStreamSink({ servers: '127.0.0.1:1', stream: 's', subject: 's', retry });
    expect((await errorOf(writeAll(gone, []))).code).toBe('SINK_FAILED');
    expect(() => sink(made, { format: 'arrow', subject: { column: 'x' } })).not.toThrow();
    const byColumn = sink(made, { format: 'arrow', subject: { column: 'x' } });
    expect((await errorOf(writeAll(byColumn, []))).code).toBe('OPTION_RANGE');
    const position = await killed(made);
    await made.manager.streams.delete(made.name);
    await made.manager.streams.add({ name: made.name, subjects: [`${made.name}.>`] });
    expect((await errorOf(writeAll(sink(made), [], position))).message).toContain('one made at');
  });
});

const pair = (made: TestStream) =>
  ({ servers: NATS, stream: made.name, consumer: 'check', until: 'end' }) as const;
