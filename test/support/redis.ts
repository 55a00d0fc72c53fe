/**
 * Streams of Redis for tests: filled, read and removed by the plain client.
 */
import { Redis } from 'ioredis';
import { ownName } from './servers.js';

export interface TestRedisStream {
  readonly key: string;
  readonly redis: Redis;
  /** Adds entries of one field `data`. */
  add(...payloads: readonly string[]): Promise<void>;
  /** The values of a field of all entries, in order. */
  texts(field?: string): Promise<(string | undefined)[]>;
  remove(): Promise<void>;
}

export function testRedisStream(server: string): TestRedisStream {
  const redis = new Redis(`redis://${server}`, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  const key = ownName('redis');
  return {
    key,
    redis,
    async add(...payloads) {
      const pipeline = redis.pipeline();
      for (const payload of payloads) pipeline.xadd(key, '*', 'data', payload);
      await pipeline.exec();
    },
    async texts(field = 'data') {
      const entries = await redis.xrange(key, '-', '+');
      return entries.map(([, fields]) => {
        const at = fields.findIndex((name, i) => i % 2 === 0 && name === field);
        return at < 0 ? undefined : fields[at + 1];
      });
    },
    async remove() {
      await redis.del(key, `${key}:chunkwise`);
      redis.disconnect();
    },
  };
}
