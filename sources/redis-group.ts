/**
 * A consumer group of a Redis stream: where it stands, and what it is asked.
 */
import type { Redis } from 'ioredis';
import { sourceFailed } from '../src/errors.js';
import { compareIds, entriesOf, idBefore, type RedisEntry } from './redis-entries.js';
import type { ResolvedRedisSource } from './redis-stream.js';

/** So many ids are acknowledged in one command. */
const ACK_IDS = 1000;

/** The position before every entry. */
const NO_ENTRY = '0-0';

type Reply = readonly (readonly [key: Uint8Array, entries: never])[] | null;

export interface StreamState {
  readonly last: string;
  /** The oldest entry that is there. */
  readonly first: string | undefined;
}

export class RedisGroup {
  readonly #redis: Redis;
  readonly #options: ResolvedRedisSource;

  constructor(redis: Redis, options: ResolvedRedisSource) {
    this.#redis = redis;
    this.#options = options;
  }

  /** Makes the group, and the stream, where they are not there. */
  async make(): Promise<void> {
    const { key, group, start } = this.#options;
    try {
      await this.#redis.xgroup('CREATE', key, group, start === 'next' ? '$' : '0', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
    }
  }

  async state(): Promise<StreamState> {
    const pairs = pairsOf(await this.#redis.call('XINFO', 'STREAM', this.#options.key));
    const first = pairs.get('first-entry') as readonly [string, unknown] | null;
    return { last: String(pairs.get('last-generated-id')), first: first?.[0] };
  }

  /** The id behind which nothing is acknowledged. */
  async floor(): Promise<string> {
    const { key, group } = this.#options;
    const [pending, lowest] = (await this.#redis.xpending(key, group)) as [number, string | null];
    if (pending > 0 && lowest !== null) return idBefore(lowest);
    return String((await this.#about()).get('last-delivered-id'));
  }

  /** Entries that the group has not been handed; undefined where the server cannot tell. */
  async lag(): Promise<number | undefined> {
    const lag = (await this.#about()).get('lag');
    return typeof lag === 'number' ? lag : undefined;
  }

  /** Lets the group go on behind an id. */
  async moveTo(id: string): Promise<void> {
    await this.#redis.xgroup('SETID', this.#options.key, this.#options.group, id);
  }

  /** Entries behind `from` that this consumer was handed before, or (`>`) that nobody was. */
  async read(
    from: string,
    most: number,
    blockMs: number | undefined,
    behind?: number,
  ): Promise<RedisEntry[]> {
    const { key, group, consumer } = this.#options;
    const block = blockMs === undefined ? [] : ['BLOCK', Math.max(1, Math.ceil(blockMs))];
    const reply = (await this.#redis.callBuffer(
      'XREADGROUP',
      ...['GROUP', group, consumer, 'COUNT', most, ...block, 'STREAMS', key, from],
    )) as Reply;
    return reply === null ? [] : entriesOf(reply[0]![1], behind);
  }

  /** Takes over up to `most` entries that some consumer was handed and has not acknowledged for so long. */
  async claim(idleMs: number, most: number): Promise<RedisEntry[]> {
    const { key, group, consumer } = this.#options;
    const reply = (await this.#redis.callBuffer(
      'XAUTOCLAIM',
      ...[key, group, consumer, idleMs, '0', 'COUNT', most],
    )) as unknown as readonly [Uint8Array, never];
    return entriesOf(reply[1]);
  }

  async acknowledge(ids: readonly string[]): Promise<void> {
    const { key, group } = this.#options;
    for (let i = 0; i < ids.length; i += ACK_IDS) {
      await this.#redis.xack(key, group, ...ids.slice(i, i + ACK_IDS));
    }
  }

  async #about(): Promise<ReadonlyMap<string, unknown>> {
    const groups = (await this.#redis.call('XINFO', 'GROUPS', this.#options.key)) as unknown[];
    return groups.map(pairsOf).find((pairs) => pairs.get('name') === this.#options.group) ?? new Map();
  }
}

/** Refuses a stream that cannot be the one of a position, or may have dropped what was not read. */
export function refuseStranger(
  who: string,
  { last, first }: StreamState,
  id: string,
  lost: 'fail' | 'pass',
): void {
  if (compareIds(last, id) < 0) {
    throw sourceFailed(who, 'the stream', `entry ${id}, which was read`, `entries up to ${last}`);
  }
  const hasUnread = compareIds(last, id) > 0;
  const hasRead = id === NO_ENTRY || (first !== undefined && compareIds(first, id) <= 0);
  if (lost === 'fail' && hasUnread && !hasRead) {
    const expected = `entry ${id} or an older one, to know that none was dropped unread (or option lost: 'pass')`;
    throw sourceFailed(who, 'the stream', expected, `entries from ${first ?? last} on`);
  }
}

/** An answer of names and values by turns. */
function pairsOf(reply: unknown): ReadonlyMap<string, unknown> {
  const list = reply as unknown[];
  const pairs = new Map<string, unknown>();
  for (let i = 0; i < list.length; i += 2) pairs.set(String(list[i]), list[i + 1]);
  return pairs;
}
