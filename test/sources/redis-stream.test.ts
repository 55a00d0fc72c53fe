import { describe, expect, it, onTestFinished } from 'vitest';
import { type RedisStreamOptions, redisStream } from '../../sources/index.js';
import { compareIds, idBefore } from '../../sources/redis-entries.js';
import type { Position } from '../../src/source.js';
import { type HowToRead, jsonNumbers, numbersAsText, readMessages, rowsRead } from '../support/messages.js';
import { type TestRedisStream, testRedisStream } from '../support/redis.js';
import { answers, delay, REDIS } from '../support/servers.js';
import { cells, errorOf } from './helpers.js';

const isThere = await answers('Redis', REDIS);

function stream(): TestRedisStream {
  const made = testRedisStream(REDIS);
  onTestFinished(() => made.remove());
  return made;
}

const source = ({ key }: TestRedisStream, options: Partial<RedisStreamOptions> = {}) =>
  redisStream({ url: `redis://${REDIS}`, key, group: 'g', field: 'data', until: 'end', ...options });

const read = (
  made: TestRedisStream,
  options: Partial<RedisStreamOptions>,
  from?: Position,
  how: HowToRead = {},
) => readMessages(source(made, options), { ...how, from });

describe('ids of entries', () => {
  it('are in order of both of their numbers', () => {
    expect(compareIds('9-0', '10-0')).toBe(-1);
    expect(compareIds('10-2', '10-10')).toBe(-1);
    expect(compareIds('10-2', '10-2')).toBe(0);
    expect(compareIds('11-0', '10-18446744073709551615')).toBe(1);
    expect(idBefore('10-2')).toBe('10-1');
    expect(idBefore('10-0')).toBe('9-18446744073709551615');
    expect(idBefore('0-0')).toBe('0-0');
  });
});

describe.skipIf(!isThere)('redisStream', () => {
  it('cuts by rows, and goes on behind any position, exactly', async () => {
    const made = stream();
    await made.add(...jsonNumbers(0, 500));
    const whole = await read(made, { batchRows: 64 });
    expect(whole.map(({ batch }) => batch.numRows)).toEqual([64, 64, 64, 64, 64, 64, 64, 52]);
    expect(rowsRead(whole)).toEqual(numbersAsText(0, 500));
    for (const cut of [0, 3, 7]) {
      const rest = await read(made, { batchRows: 64 }, structuredClone(whole[cut]!.next), { commits: true });
      expect(rowsRead(rest)).toEqual(numbersAsText(Math.min(500, (cut + 1) * 64), 500));
    }
  });

  it('gives fields as columns where no field holds the message', async () => {
    const made = stream();
    await made.redis.xadd(made.key, '*', 'place', 'é', 'heat', '20.5');
    await made.redis.xadd(made.key, '*', 'place', 'x');
    const { field: _, ...options } = { field: '', schema: { heat: 'float32' } as const };
    const source = redisStream({
      ...options,
      url: `redis://${REDIS}`,
      key: made.key,
      group: 'g',
      until: 'end',
      metadata: { id: 'id', timestamp: 'at' },
    });
    const [first] = await readMessages(source);
    expect(first!.batch.schema.names).toEqual(['place', 'heat', 'id', 'at']);
    const shown = cells([first!.batch]).map((line) => line.split(' | '));
    expect(shown.map(([place, heat]) => [place, heat])).toEqual([
      ['é', '20.5'],
      ['x', 'null'],
    ]);
    expect(shown[0]![2]).toMatch(/^\d+-\d+$/);
    expect(Math.abs(Number(shown[0]![3]) - Date.now())).toBeLessThan(60_000);
  });

  it('waits for more, tells how much waits, and stops when it is told to', async () => {
    const made = stream();
    await made.add(...jsonNumbers(0, 3));
    const abort = new AbortController();
    const options = { until: 'forever', batchRows: 2, batchMs: 50, sampleMs: 50 } as const;
    const reading = source(made, options).read(undefined, abort.signal);
    const iterator = reading[Symbol.asyncIterator]();
    expect((await iterator.next()).value.behind).toBe(3);
    expect(rowsRead([(await iterator.next()).value])).toEqual(['2']);
    const next = iterator.next();
    await delay(30);
    await made.add('{"n":3}');
    expect(rowsRead([(await next).value])).toEqual(['3']);
    const last = iterator.next();
    setTimeout(() => abort.abort(new Error('enough')), 30);
    await expect(last).rejects.toThrow('enough');
    await reading.close?.();
  });

  it('acknowledges what is committed, and goes on behind it where there is no position', async () => {
    const made = stream();
    await made.add(...jsonNumbers(0, 100));
    const pending = async () => (await made.redis.xpending(made.key, 'g'))[0];
    const all = await read(made, { batchRows: 10 }, undefined, { most: 4 });
    expect(await pending()).toBe(40);
    expect(rowsRead(await read(made, {}, all[3]!.next, { most: 1 }))).toEqual(numbersAsText(40, 100));
    const some = await read(made, { batchRows: 10 }, undefined, { most: 4, commits: true });
    expect(rowsRead(some)).toEqual(numbersAsText(0, 40));
    expect(rowsRead(await read(made, {}, undefined, { commits: true }))).toEqual(numbersAsText(40, 100));
    expect(await pending()).toBe(0);
    expect(await read(made, {})).toEqual([]);
  });

  it('divides a shared group, and takes over what another consumer has left', async () => {
    const made = stream();
    await made.add(...jsonNumbers(0, 100));
    const shared = { shared: true, batchRows: 10 } as const;
    expect(source(made, shared).guarantee).toBe('at least once');
    const left = await read(made, { ...shared, consumer: 'gone' }, undefined, { most: 3 });
    const mine = await read(made, { ...shared, consumer: 'mine' }, undefined, { commits: true });
    expect(rowsRead(mine)).toEqual(numbersAsText(30, 100));
    await delay(20);
    const claimed = await read(made, { ...shared, consumer: 'mine', claimIdleMs: 10 }, undefined, {
      commits: true,
    });
    expect(rowsRead(claimed)).toEqual(rowsRead(left));
    expect((await made.redis.xpending(made.key, 'g'))[0]).toBe(0);
  });

  it('reads again, of a shared group, what it has not acknowledged', async () => {
    const made = stream();
    await made.add(...jsonNumbers(0, 30));
    const shared = { shared: true, batchRows: 10 } as const;
    await read(made, shared, undefined, { most: 2 });
    expect(rowsRead(await read(made, shared))).toEqual(numbersAsText(0, 30));
  });

  it('refuses a stream that has dropped what was not read', async () => {
    const made = stream();
    await made.add(...jsonNumbers(0, 20));
    const [first] = await read(made, { batchRows: 10 }, undefined, { most: 1 });
    await made.redis.xtrim(made.key, 'MAXLEN', 5);
    const error = await errorOf(read(made, {}, first!.next));
    expect(error.message).toContain("(or option lost: 'pass'), got entries from");
    expect(rowsRead(await read(made, { lost: 'pass' }, first!.next))).toEqual(numbersAsText(15, 20));
    await made.redis.del(made.key);
    expect((await errorOf(read(made, {}, first!.next))).message).toContain('which was read');
  });

  it('skips or fails at poison, which does not come again', async () => {
    const made = stream();
    await made.add('{"n":1}', 'poison', '{"n":2}');
    expect((await errorOf(read(made, {}))).code).toBe('CORRUPT_INPUT');
    const [first] = await read(made, { badRows: 'skip' }, undefined, { commits: true });
    expect(cells([first!.batch])).toEqual(['1', '2']);
    expect(first!.skipped).toBe(1);
    expect((await made.redis.xpending(made.key, 'g'))[0]).toBe(0);
  });

  it('says what is wrong with its options and its server, and never the password', async () => {
    const password = 'secret-word';
    expect(() => redisStream({ key: 'k', group: 'g', format: 'arrow' })).toThrow('option format');
    const retry = { retries: 1, firstDelayMs: 1 };
    const url = `redis://user:${password}@127.0.0.1:1`;
    const error = await errorOf(readMessages(redisStream({ url, key: 'k', group: 'g', retry })));
    expect(error.code).toBe('SOURCE_FAILED');
    expect(error.message).not.toContain(password);
    const refused = redisStream({
      url: `redis://${REDIS}`,
      user: 'nobody',
      password,
      key: 'k',
      group: 'g',
      retry,
    });
    expect((await errorOf(readMessages(refused))).message).not.toContain(password);
  });
});
