/**
 * NATS JetStream: the messages of a stream, by a durable pull consumer.
 */
import type { JsMsg } from '@nats-io/jetstream';
import { checked, integer, oneOf, text } from '../src/options.js';
import type { Source } from '../src/source.js';
import { messageBatches } from './message-batches.js';
import { type MessageKind, type MessageOptions, messageOptions, unhurried } from './message-options.js';
import { NATS_OPTIONS_BESIDE, type NatsOptions, natsOptions } from './nats-connection.js';
import { NatsFeed } from './nats-feed.js';

export interface NatsJetStreamOptions
  extends NatsOptions,
    MessageOptions<'subject' | 'sequence' | 'timestamp'> {
  /** The stream to read. */
  readonly stream: string;
  /** The durable consumer's name. It belongs to this flow alone, and is made where it is not there. */
  readonly consumer: string;
  /** Reads only messages of this subject, or of these (which takes a server of version 2.10). Default: of all. */
  readonly subjects?: string | readonly string[];
  /**
   * Where to begin where neither a checkpoint nor the consumer knows: with the `first` message that the stream has
   * (default), or with the `next` that comes.
   */
  readonly start?: 'first' | 'next';
  /** Messages that are asked for ahead of those that are read. 1 … 65,536, default 1000. */
  readonly prefetchMessages?: number;
  /** Whether to end behind the messages that were there when the flow began, or to wait for more (`forever`, default). */
  readonly until?: 'end' | 'forever';
  /**
   * What to do where the stream has dropped messages, by its limits, that were not read yet: end the run (`fail`, the
   * default), or `pass` over them.
   */
  readonly lost?: 'fail' | 'pass';
}

export type ResolvedNatsSource = ReturnType<typeof resolve>;

const kind: MessageKind<JsMsg> = {
  payload: (message) => message.data,
  number: ({ seq }) => seq,
  about: {
    subject: { type: 'utf8', of: ({ subject }) => subject },
    sequence: { type: 'int64', of: ({ seq }) => seq },
    timestamp: { type: 'timestamp', of: ({ time }) => time.toISOString() },
  },
  behind: ({ info }) => info.pending,
  timeMs: ({ info }) => info.timestampNanos / 1e6,
};

/**
 * Reads a stream's messages in its order.
 *
 * The position is the stream's sequence: a resumed run asks for what comes behind it, whatever the consumer was handed
 * before. So every row comes **exactly once** as far as the stream keeps its messages; where it has dropped some that
 * were not read, the run ends with SOURCE_FAILED (see `lost`). A live stream may be cut into other batches when it is
 * read again; its rows are the same.
 *
 * Messages are acknowledged when a checkpoint holds them (in a flow without checkpoints: when the sink has them), so that
 * the consumer shows how far the flow is, and a flow without checkpoints goes on there, at least once. On a work-queue
 * stream, each acknowledgement removes its message. Streams of `interest` retention are refused: they drop what is not
 * read while their consumer is made anew.
 *
 * A lost connection is made anew by the policy of `retry`; SOURCE_FAILED once it is used up. Optional packages
 * `@nats-io/transport-node` and `@nats-io/jetstream`.
 */
export function natsJetStream(options: NatsJetStreamOptions): Source<'exactly once'> {
  const name = 'natsJetStream';
  const resolved = resolve(name, options);
  const who = `${name} '${resolved.stream}'`;
  return {
    name,
    guarantee: 'exactly once',
    read(from, signal) {
      const feed = new NatsFeed(who, options, resolved, from, signal);
      const reading = {
        who,
        origin: resolved.stream,
        kind,
        feed,
        options: resolved.until === 'end' ? unhurried(resolved) : resolved,
      };
      return {
        async *[Symbol.asyncIterator]() {
          await feed.begin();
          yield* messageBatches(reading, from, signal);
        },
        committed: (position) => feed.committed(position),
        close: () => feed.close(),
      };
    },
  };
}

const resolve = (name: string, options: NatsJetStreamOptions) =>
  checked(name, options, NATS_OPTIONS_BESIDE, () => ({
    ...natsOptions(options),
    ...messageOptions(options, kind.about),
    stream: text({ stream: options.stream }),
    consumer: text({ consumer: options.consumer }),
    subjects: [options.subjects ?? []].flat().map((subject) => text({ subjects: subject })),
    start: oneOf({ start: options.start ?? 'first' }, ['first', 'next']),
    prefetchMessages: integer({ prefetchMessages: options.prefetchMessages ?? 1000 }, 1, 65_536),
    until: oneOf({ until: options.until ?? 'forever' }, ['end', 'forever']),
    lost: oneOf({ lost: options.lost ?? 'fail' }, ['fail', 'pass']),
  }));
