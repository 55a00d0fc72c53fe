/**
 * The messages of a JetStream stream, in its order and without gaps, over connections that may break.
 *
 * 1. Each connection makes the durable consumer anew, behind what is committed; what was read already is passed over. So
 *    a redelivery, or a message that was lost on its way, never changes the order.
 * 2. Deliveries are numbered: a number that is missing ends the connection like any other fault.
 * 3. One acknowledgement stands for all messages before it, but on a work queue, where each message has its own.
 */
import type { Consumer, ConsumerInfo, JetStreamManager, JsMsg, StreamInfo } from '@nats-io/jetstream';
import { retried } from '../src/retry.js';
import type { Position } from '../src/source.js';
import { MessageBuffer } from './message-buffer.js';
import type { MessageFeed, Place } from './message-options.js';
import { connectNats, mayPass, type NatsSession, natsFailed } from './nats-connection.js';
import { firstSequence, isWorkQueue, makeConsumer, refuseStranger } from './nats-consumer.js';
import type { NatsJetStreamOptions, ResolvedNatsSource } from './nats-jetstream.js';
import { foreignPosition, integersAt, positionFields } from './position.js';

/** While nothing comes, the end is looked for so often. */
const LOOK_MS = 500;

interface Opened {
  readonly session: NatsSession;
  readonly consumer: Consumer;
  readonly info: ConsumerInfo;
}

export class NatsFeed implements MessageFeed<JsMsg> {
  readonly #who: string;
  readonly #given: NatsJetStreamOptions;
  readonly #options: ResolvedNatsSource;
  readonly #signal: AbortSignal;
  readonly #buffer: MessageBuffer<JsMsg>;
  /** Messages that a commit may acknowledge, by sequence: ends of batches or, of a work queue, all. */
  readonly #held = new Map<number, JsMsg>();
  /** The sequence that was read last; that is committed; behind which there is nothing to read. */
  #last: number | undefined;
  #committed = 0;
  #end: number | undefined;
  #created: string | undefined;
  #isQueue = false;
  #opened: Opened | undefined;
  #session: NatsSession | undefined;
  #isClosed = false;

  constructor(
    who: string,
    given: NatsJetStreamOptions,
    options: ResolvedNatsSource,
    from: Position | undefined,
    signal: AbortSignal,
  ) {
    this.#who = who;
    this.#given = given;
    this.#options = options;
    this.#signal = signal;
    this.#buffer = new MessageBuffer(options.prefetchMessages);
    if (from === undefined) return;
    const { created, end } = positionFields(from) ?? {};
    if (typeof created !== 'string') throw foreignPosition(who, 'a position in a stream', from);
    this.#created = created;
    this.#last = integersAt(who, from, ['sequence']).sequence;
    this.#committed = this.#last;
    if (typeof end === 'number' && options.until === 'end') this.#end = end;
  }

  get start(): Place {
    return this.#place(this.#last ?? 0);
  }

  placeBehind({ seq }: JsMsg): Place {
    return this.#place(seq);
  }

  /** Resolves once the first connection stands; reads on in the background. */
  async begin(): Promise<void> {
    const { retry } = this.#options;
    try {
      this.#opened = await retried(this.#who, retry, () => this.#open(), this.#signal, mayPass);
    } catch (error) {
      throw this.#signal.aborted ? error : natsFailed(this.#who, error);
    }
    void this.#readAll();
  }

  take(most: number, waitMs: number): Promise<readonly JsMsg[] | undefined> {
    return this.#buffer.take(most, waitMs, this.#signal);
  }

  cut(message: JsMsg): void {
    this.#held.set(message.seq, message);
  }

  /** Acknowledges. Where that fails, the consumer stands a little further back: what is read depends on positions alone. */
  async committed(position: Position): Promise<void> {
    const { sequence } = integersAt(this.#who, position, ['sequence']);
    this.#committed = Math.max(this.#committed, sequence);
    const done = [...this.#held].filter(([seq]) => seq <= sequence);
    for (const [seq] of done) this.#held.delete(seq);
    const connection = this.#session?.connection;
    if (done.length === 0 || connection === undefined || connection.isClosed()) return;
    try {
      if (!this.#isQueue) await done.at(-1)![1].ackAck();
      for (const [, message] of this.#isQueue ? done : []) message.ack();
      await connection.flush();
    } catch {
      // The next acknowledgement, or the next connection, stands for this one.
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#session?.connection.close();
  }

  #place(sequence: number): Place {
    return { sequence, created: this.#created!, ...(this.#end !== undefined && { end: this.#end }) };
  }

  async #readAll(): Promise<void> {
    const { retry } = this.#options;
    try {
      for (let isDone = false; !isDone; ) {
        isDone = await retried(this.#who, retry, () => this.#readSome(), this.#signal, mayPass);
      }
      this.#buffer.end();
    } catch (error) {
      await this.#session?.connection.close();
      this.#buffer.fail(this.#signal.aborted ? error : natsFailed(this.#who, error));
    }
  }

  /** Reads over one connection. True at the end, false where it broke behind some message; rejects where before. */
  async #readSome(): Promise<boolean> {
    const opened = this.#opened ?? (await this.#open());
    this.#opened = undefined;
    const { session, info } = opened;
    if (this.#isEnd(this.#last!, info.num_pending)) return true;
    const before = this.#last;
    try {
      return await this.#consume(opened);
    } catch (error) {
      await session.connection.close();
      if (this.#isClosed) return true;
      if (!mayPass(error) || this.#last === before) throw error;
      return false;
    }
  }

  async #consume({ session, consumer }: Opened): Promise<boolean> {
    const messages = await consumer.consume({
      max_messages: this.#options.prefetchMessages,
      abort_on_missing_resource: true,
    });
    let isIdleEnd = false;
    const look = async () => {
      const { num_pending, delivered } = await consumer.info();
      isIdleEnd = num_pending === 0 && delivered.stream_seq <= this.#last!;
      if (isIdleEnd) messages.stop();
    };
    const looking = this.#end === undefined ? undefined : setInterval(() => look().catch(() => {}), LOOK_MS);
    const onAbort = () => messages.stop();
    this.#signal.addEventListener('abort', onAbort);
    try {
      let delivery = 0;
      for await (const message of messages) {
        const { deliverySequence, pending } = message.info;
        if (deliverySequence !== ++delivery) throw new Error('a message was lost on its way');
        if (message.seq <= this.#last!) this.#passOver(message);
        else await this.#pass(message);
        if (this.#isEnd(message.seq, pending)) return true;
      }
    } finally {
      clearInterval(looking);
      this.#signal.removeEventListener('abort', onAbort);
      messages.stop();
    }
    this.#signal.throwIfAborted();
    if (isIdleEnd) return true;
    throw (await session.connection.closed()) ?? new Error('the connection was closed');
  }

  async #pass(message: JsMsg): Promise<void> {
    this.#last = message.seq;
    if (this.#isQueue) this.#held.set(message.seq, message);
    await this.#buffer.push(message);
  }

  /** A message that was read over an earlier connection, or by an earlier run. */
  #passOver(message: JsMsg): void {
    if (this.#isQueue && message.seq <= this.#committed) message.ack();
    else if (this.#held.has(message.seq)) this.#held.set(message.seq, message);
  }

  #isEnd(sequence: number, pending: number): boolean {
    return this.#end !== undefined && (sequence >= this.#end || pending === 0);
  }

  async #open(): Promise<Opened> {
    const session = await connectNats(this.#who, this.#given, this.#options);
    try {
      const { manager, js } = session;
      const stream = await manager.streams.info(this.#options.stream);
      await this.#know(manager, stream);
      const info = await makeConsumer(session, stream, this.#options, this.#committed);
      this.#session = session;
      return { session, consumer: js.consumers.getConsumerFromInfo(info), info };
    } catch (error) {
      await session.connection.close();
      throw error;
    }
  }

  /** Learns of the stream what a position knows, and refuses one that does not fit. */
  async #know(manager: JetStreamManager, stream: StreamInfo): Promise<void> {
    this.#isQueue = isWorkQueue(stream);
    if (this.#last === undefined) {
      this.#last = await firstSequence(manager, stream, this.#options);
      this.#committed = this.#last;
    }
    refuseStranger(this.#who, stream, this.#created, this.#committed, this.#options.lost);
    this.#created ??= stream.created;
    if (this.#options.until === 'end') this.#end ??= stream.state.last_seq;
  }
}
