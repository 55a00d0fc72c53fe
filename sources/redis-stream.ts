/**
 * Redis streams: their entries, by a consumer group.
 */
import { checked, integer, oneOf, text, truth } from '../src/options.js';
import type { Source } from '../src/source.js';
import { messageBatches } from './message-batches.js';
import { type MessageKind, type MessageOptions, messageOptions, unhurried } from './message-options.js';
import { REDIS_OPTIONS_BESIDE, type RedisOptions, redisOptions } from './redis-connection.js';
import { fieldOf, fieldsAsJson, idMs, type RedisEntry } from './redis-entries.js';
import { RedisFeed } from './redis-feed.js';

export interface RedisStreamOptions extends RedisOptions, MessageOptions<'id' | 'timestamp'> {
  /** The stream's key. */
  readonly key: string;
  /** The consumer group, made where it is not there. */
  readonly group: string;
  /** The consumer's name in the group. Default 'chunkwise'. */
  readonly consumer?: string;
  /**
   * The field that holds the message in `format`. Default: none; then every field is a column, of text or of the type that
   * `schema` gives it.
   */
  readonly field?: string;
  /**
   * Whether other consumers of the group get messages too (default false: the group is this flow's alone). Each needs a
   * `consumer` of its own.
   */
  readonly shared?: boolean;
  /** A shared group's entries that another consumer has left for so long are taken over. 1 … 2^31 − 1 ms, default 60,000. */
  readonly claimIdleMs?: number;
  /** Where a group that is made begins: with the `first` entry that there is (default), or with the `next` that comes. */
  readonly start?: 'first' | 'next';
  /** Whether to end behind the entries that were there when the flow began, or to wait for more (`forever`, default). */
  readonly until?: 'end' | 'forever';
  /**
   * What to do where entries may have been trimmed or deleted before they were read: end the run (`fail`, the default), or
   * `pass` over them. That is so where the stream has new entries and none that was read: a stream whose entries are
   * deleted as soon as they are read needs `pass`.
   */
  readonly lost?: 'fail' | 'pass';
}

export type ResolvedRedisSource = ReturnType<typeof resolve>;

const about = {
  id: { type: 'utf8', of: ({ id }: RedisEntry) => id },
  timestamp: { type: 'timestamp', of: ({ id }: RedisEntry) => new Date(idMs(id)).toISOString() },
} as const;

/**
 * Reads a stream's entries in its order.
 *
 * The position is the id of the last entry. The group is moved there when a run begins and when a connection is made anew,
 * so that every row comes **exactly once**, as far as Redis keeps the stream; SOURCE_FAILED where entries were dropped
 * unread (see `lost`). Entries are acknowledged (XACK) when a checkpoint holds them (in a flow without checkpoints: when
 * the sink has them); a flow that begins without a position goes on behind what is acknowledged.
 *
 * With `shared`, several flows divide the group's entries among them, each row comes **at least once**, and what a flow was
 * handed and has not acknowledged is read again by itself or, after `claimIdleMs`, by another (XAUTOCLAIM): choose that
 * longer than the time between two checkpoints.
 *
 * A rejected entry is told by the milliseconds of its id. A lost connection is made anew by the policy of `retry`;
 * SOURCE_FAILED once it is used up. Optional package `ioredis`.
 */
export function redisStream(options: RedisStreamOptions): Source<'exactly once' | 'at least once'> {
  const name = 'redisStream';
  const resolved = resolve(name, options);
  const who = `${name} '${resolved.key}'`;
  const { field } = resolved;
  const empty = new Uint8Array();
  const kind: MessageKind<RedisEntry> = {
    payload: field === undefined ? fieldsAsJson : (entry) => fieldOf(entry, field) ?? empty,
    number: ({ id }) => idMs(id),
    about,
    behind: ({ behind }) => behind,
    timeMs: ({ id }) => idMs(id),
  };
  return {
    name,
    guarantee: resolved.shared ? 'at least once' : 'exactly once',
    read(from, signal) {
      const feed = new RedisFeed(who, options, resolved, from, signal);
      const told = resolved.until === 'end' ? unhurried(resolved) : resolved;
      return {
        async *[Symbol.asyncIterator]() {
          await feed.begin();
          yield* messageBatches({ who, origin: resolved.key, kind, feed, options: told }, from, signal);
        },
        committed: (position) => feed.committed(position),
        close: () => feed.close(),
      };
    },
  };
}

const resolve = (name: string, options: RedisStreamOptions) =>
  checked(name, options, [...REDIS_OPTIONS_BESIDE, 'field'], () => {
    const { field } = options;
    const { format, ...messages } = messageOptions(options, about);
    return {
      ...redisOptions(options),
      ...messages,
      format: field === undefined ? oneOf({ format }, ['json']) : format,
      key: text({ key: options.key }),
      group: text({ group: options.group }),
      consumer: text({ consumer: options.consumer ?? 'chunkwise' }),
      ...(field !== undefined && { field: text({ field }) }),
      shared: truth({ shared: options.shared ?? false }),
      claimIdleMs: integer({ claimIdleMs: options.claimIdleMs ?? 60_000 }, 1, 2 ** 31 - 1),
      start: oneOf({ start: options.start ?? 'first' }, ['first', 'next']),
      until: oneOf({ until: options.until ?? 'forever' }, ['end', 'forever']),
      lost: oneOf({ lost: options.lost ?? 'fail' }, ['fail', 'pass']),
    };
  });
