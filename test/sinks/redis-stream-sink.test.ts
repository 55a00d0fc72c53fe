import { describe, expect, it, onTestFinished } from 'vitest';
import { type RedisStreamSinkOptions, redisStreamSink } from '../../sinks/index.js';
import { redisStream } from '../../sources/index.js';
import { cells, errorOf, everyType, never, withColumns, writeAll } from '../sources/helpers.js';
import { jsonNumbers, numbered, numbersAsText, readMessages, rowsRead } from '../support/messages.js';
import { type TestRedisStream, testRedisStream } from '../support/redis.js';
import { answers, REDIS } from '../support/servers.js';

const isThere = await answers('Redis', REDIS);

function stream(): TestRedisStream {
  const made = testRedisStream(REDIS);
  onTestFinished(() => made.remove());
  return made;
}

const sink = ({ key }: TestRedisStream, options: Partial<RedisStreamSinkOptions> = {}) =>
  redisStreamSink({ url: `redis://${REDIS}`, key, ...options });

describe.skipIf(!isThere)('redisStreamSink', () => {
  it('adds a row an entry: as a message in one field, or a column a field', async () => {
    const made = stream();
    await writeAll(sink(made, { field: 'data' }), [numbered(0, 50), numbered(50, 50), numbered(50, 120)]);
    expect(await made.texts()).toEqual(jsonNumbers(0, 120));
    const fields = stream();
    await writeAll(sink(fields), [withColumns(everyType(3), ['int8', 'text', 'vector'])]);
    expect(await fields.texts('int8')).toEqual([undefined, '-99', '-98']);
    expect(await fields.texts('vector')).toEqual(['[0,-0.0,0.5]', '[1,-1,0.5]', '[2,-2,0.5]']);
  });

  it('adds batches as Arrow, which the source reads back', async () => {
    const made = stream();
    const names = ['int8', 'int64', 'float', 'bool', 'text', 'bytes', 'nanos', 'list', 'vector', 'struct'];
    const batches = [withColumns(everyType(100), names), withColumns(everyType(50, 3), names)];
    await writeAll(sink(made, { field: 'data', format: 'arrow', maxMessageBytes: 9000 }), batches);
    const read = await readMessages(
      redisStream({
        url: `redis://${REDIS}`,
        key: made.key,
        group: 'g',
        field: 'data',
        format: 'arrow',
        until: 'end',
      }),
    );
    expect(rowsRead(read)).toEqual(cells(batches));
  });

  it('goes on from any position without a row lost or doubled, however rows are cut', async () => {
    const made = stream();
    const writer = await sink(made).open(undefined, never);
    const positions = [await writer.position()];
    for (const batch of [numbered(0, 30), numbered(30, 100), numbered(100, 140)]) {
      await writer.write(batch);
      positions.push(structuredClone(await writer.position()));
    }
    await writer.abandon(true);
    const starts = [0, 30, 100, 140];
    for (const [i, position] of positions.entries()) {
      const rest = [numbered(starts[i]!, 135), numbered(135, 150 + i)].filter(({ numRows }) => numRows > 0);
      await writeAll(sink(made), i < 3 ? rest : [numbered(140, 153)], position);
    }
    expect(await made.texts('n')).toEqual(numbersAsText(0, 153));
  });

  it('keeps about as many entries as it is told', async () => {
    const made = stream();
    await writeAll(sink(made, { maxEntries: 100 }), [numbered(0, 1000)]);
    const length = await made.redis.xlen(made.key);
    expect(length).toBeGreaterThanOrEqual(100);
    expect(length).toBeLessThan(300);
  });

  it('refuses a server that has lost rows, and a key that is no stream', async () => {
    const made = stream();
    const writer = await sink(made).open(undefined, never);
    await writer.write(numbered(0, 10));
    const position = await writer.position();
    await writer.abandon(true);
    await made.redis.del(`${made.key}:chunkwise`);
    expect((await errorOf(writeAll(sink(made), [], position))).message).toContain('got 0: it has lost some');
    await made.redis.del(made.key);
    await made.redis.set(made.key, 'x');
    expect((await errorOf(writeAll(sink(made), []))).message).toContain(
      'the key, expected a stream, got a string',
    );
  });
});
