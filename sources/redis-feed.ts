/**
 * The entries of a Redis stream, by a consumer group, over connections that may break.
 *
 * - A group of the flow's own is moved to where the flow stands with each connection: what its consumer was handed before
 *   is handed out again, and comes in order.
 * - Of a shared group, each connection first reads again what this consumer was handed and has not acknowledged, then
 *   takes over what others have left for too long, then reads on.
 */
import type { Redis } from 'ioredis';
import { retried } from '../src/retry.js';
import type { Position } from '../src/source.js';
import type { MessageFeed, Place } from './message-options.js';
import { foreignPosition, positionFields } from './position.js';
import { connectRedis, mayPass, redisFailed } from './redis-connection.js';
import { compareIds, isEntryId, type RedisEntry } from './redis-entries.js';
import { RedisGroup, refuseStranger } from './redis-group.js';
import type { RedisStreamOptions, ResolvedRedisSource } from './redis-stream.js';
import { untilAborted } from './until-aborted.js';

/** A connection is held by one command for no longer than this. */
const MOST_BLOCK_MS = 500;
/** The lag is asked for so often. */
const LAG_MS = 1000;

export class RedisFeed implements MessageFeed<RedisEntry> {
  readonly #who: string;
  readonly #given: RedisStreamOptions;
  readonly #options: ResolvedRedisSource;
  readonly #signal: AbortSignal;
  readonly #connections = new Set<Redis>();
  #reader: RedisGroup | undefined;
  #acker: RedisGroup | undefined;
  /** The entry that was read last, and behind which there is nothing to read. */
  #last: string | undefined;
  #end: string | undefined;
  /** What was handed out and is not acknowledged, in order. */
  readonly #unacknowledged = new Set<string>();
  /** Where this consumer's own entries are read again; undefined once they are. */
  #again: string | undefined;
  #claimedMs = 0;
  #lagMs = 0;
  #behind: number | undefined;

  constructor(
    who: string,
    given: RedisStreamOptions,
    options: ResolvedRedisSource,
    from: Position | undefined,
    signal: AbortSignal,
  ) {
    this.#who = who;
    this.#given = given;
    this.#options = options;
    this.#signal = signal;
    if (from === undefined) return;
    const { id, end } = positionFields(from) ?? {};
    if (!isEntryId(id)) throw foreignPosition(who, 'a position in a stream', from);
    this.#last = id;
    if (options.until === 'end' && isEntryId(end)) this.#end = end;
  }

  get start(): Place {
    return this.#place(this.#last ?? '0-0');
  }

  placeBehind({ id }: RedisEntry): Place {
    return this.#place(id);
  }

  async begin(): Promise<void> {
    await this.#persisting(() => this.#connected());
  }

  async take(most: number, waitMs: number): Promise<readonly RedisEntry[] | undefined> {
    const untilMs = performance.now() + waitMs;
    for (;;) {
      const leftMs = Math.min(MOST_BLOCK_MS, untilMs - performance.now());
      const entries = await this.#persisting(() => this.#read(most, leftMs));
      if (entries === undefined) return undefined;
      if (entries.length > 0 || performance.now() >= untilMs) return entries;
    }
  }

  /** Acknowledges. Where that fails, the entries are read again by a run that has no position. */
  async committed(position: Position): Promise<void> {
    const id = positionFields(position)?.id;
    if (!isEntryId(id)) throw foreignPosition(this.#who, 'a position in a stream', position);
    if (!this.#unacknowledged.has(id)) return;
    const done: string[] = [];
    for (const entry of this.#unacknowledged) {
      done.push(entry);
      this.#unacknowledged.delete(entry);
      if (entry === id) break;
    }
    try {
      await this.#acker?.acknowledge(done);
    } catch {
      this.#acker = undefined;
    }
  }

  close(): void {
    for (const redis of this.#connections) redis.disconnect();
    this.#connections.clear();
  }

  #place(id: string): Place {
    return { id, ...(this.#end !== undefined && { end: this.#end }) };
  }

  async #read(most: number, waitMs: number): Promise<RedisEntry[] | undefined> {
    const group = await this.#connected();
    try {
      const entries = await untilAborted(this.#next(group, most, waitMs), this.#signal);
      if (entries === undefined) return undefined;
      for (const { id } of entries) this.#unacknowledged.add(id);
      this.#last = entries.at(-1)?.id ?? this.#last;
      return entries;
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  async #next(group: RedisGroup, most: number, waitMs: number): Promise<RedisEntry[] | undefined> {
    if (this.#options.shared) {
      const left = await this.#leftOver(group, most);
      if (left.length > 0) return left;
    } else if (this.#end !== undefined && compareIds(this.#last!, this.#end) >= 0) return undefined;
    if (performance.now() - this.#lagMs > LAG_MS) {
      this.#lagMs = performance.now();
      this.#behind = await group.lag();
    }
    const isJob = this.#options.until === 'end';
    const entries = await group.read('>', most, isJob ? undefined : waitMs, this.#behind);
    if (!isJob) return entries;
    const end = this.#end!;
    const wanted = this.#options.shared ? entries : entries.filter(({ id }) => compareIds(id, end) <= 0);
    return wanted.length === 0 ? undefined : wanted;
  }

  /** Of a shared group: what this consumer, or one that is gone, was handed and has not acknowledged. */
  async #leftOver(group: RedisGroup, most: number): Promise<RedisEntry[]> {
    if (this.#again !== undefined) {
      const own = await group.read(this.#again, most, undefined);
      this.#again = own.at(-1)?.id;
      const fresh = own.filter(({ id }) => !this.#unacknowledged.has(id));
      if (fresh.length > 0) return fresh;
    }
    const { claimIdleMs } = this.#options;
    if (performance.now() - this.#claimedMs < claimIdleMs / 2) return [];
    const claimed = await group.claim(claimIdleMs, most);
    if (claimed.length < most) this.#claimedMs = performance.now();
    return claimed.filter(({ id }) => !this.#unacknowledged.has(id));
  }

  async #connected(): Promise<RedisGroup> {
    if (this.#reader !== undefined) return this.#reader;
    const [reader, acker] = [await this.#connect(true), await this.#connect(false)];
    const group = new RedisGroup(reader, this.#options);
    await group.make();
    const state = await group.state();
    if (this.#options.shared) {
      this.#again = '0';
      this.#claimedMs = Number.NEGATIVE_INFINITY;
    } else {
      if (this.#last === undefined) this.#last = await group.floor();
      else refuseStranger(this.#who, state, this.#last, this.#options.lost);
      await group.moveTo(this.#last);
    }
    if (this.#options.until === 'end') this.#end ??= state.last;
    this.#acker = new RedisGroup(acker, this.#options);
    this.#reader = group;
    return group;
  }

  async #connect(isBlocking: boolean): Promise<Redis> {
    const redis = await connectRedis(this.#who, this.#given, this.#options, isBlocking);
    this.#connections.add(redis);
    return redis;
  }

  #drop(): void {
    this.close();
    this.#reader = undefined;
    this.#acker = undefined;
  }

  async #persisting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await retried(this.#who, this.#options.retry, work, this.#signal, mayPass);
    } catch (error) {
      throw this.#signal.aborted ? error : redisFailed(this.#who, error);
    }
  }
}
