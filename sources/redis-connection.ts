/**
 * Connections to Redis: used until they break, then made anew.
 */
import type { Redis } from 'ioredis';
import { DataflowError, reason, sourceFailed } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';
import { integer, text } from '../src/options.js';
import { type RetryPolicy, retryOptions } from '../src/retry.js';

export interface RedisOptions {
  /** `redis://host:port/database` or, with TLS, `rediss://…`. Default 'redis://127.0.0.1:6379'. */
  readonly url?: string;
  readonly user?: string;
  readonly password?: string;
  /** The most milliseconds to wait for an answer. 1 … 2^31 − 1, default 5000. */
  readonly timeoutMs?: number;
  /** How often, and after which waits, a lost connection is made anew. */
  readonly retry?: RetryPolicy;
}

export interface ResolvedRedisOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly retry: Required<RetryPolicy>;
}

/** Names of options that are passed on unchecked. */
export const REDIS_OPTIONS_BESIDE = ['user', 'password'] as const;

export const redisOptions = (options: RedisOptions): ResolvedRedisOptions => ({
  url: text({ url: options.url ?? 'redis://127.0.0.1:6379' }),
  timeoutMs: integer({ timeoutMs: options.timeoutMs ?? 5000 }, 1, 2 ** 31 - 1),
  retry: retryOptions('', options.retry),
});

/** Connects once. `isBlocking` for a connection whose commands wait for messages. */
export async function connectRedis(
  who: string,
  { user, password }: RedisOptions,
  { url, timeoutMs }: ResolvedRedisOptions,
  isBlocking = false,
): Promise<Redis> {
  const { Redis } = await optionalPeer(who, 'ioredis', () => import('ioredis'));
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    keepAlive: timeoutMs,
    ...(!isBlocking && { commandTimeout: timeoutMs }),
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
  });
  // Every command rejects by itself; without a listener the client would print it besides.
  redis.on('error', () => {});
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

/** Whether another attempt may help: a refused command or password stays refused, a loading server does not. */
export const mayPass = (error: unknown): boolean =>
  !(error instanceof DataflowError) &&
  !(
    error instanceof Error &&
    error.name === 'ReplyError' &&
    !/^(LOADING|BUSY|READONLY|TRYAGAIN)/.test(error.message)
  );

/** An error of the client as one of ours. */
export const redisFailed = (who: string, error: unknown, make = sourceFailed): DataflowError =>
  error instanceof DataflowError
    ? error
    : make(who, 'the server', 'to answer within the retries', reason(error), error);
