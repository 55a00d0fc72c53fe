/**
 * NATS JetStream: rows to a stream, each once.
 */

import { NATS_OPTIONS_BESIDE, type NatsOptions, natsOptions } from '../sources/nats-connection.js';
import { checked, integer, text } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import {
  type MessageSinkOptions,
  messageSinkOptions,
  type TextOrColumn,
  textOrColumn,
} from './message-encoder.js';
import { openJetStream } from './nats-writer.js';

export interface NatsJetStreamSinkOptions extends NatsOptions, MessageSinkOptions {
  /** The stream to write to, which must be there. */
  readonly stream: string;
  /** The subject of the messages, or the column that has it. It must be one of the stream's. */
  readonly subject: TextOrColumn;
  /** Messages under way that the server has not acknowledged yet. 1 … 65,536, default 256. */
  readonly inFlight?: number;
}

export type ResolvedNatsSink = ReturnType<typeof resolve>;

/**
 * Publishes a message a row, or a batch as an Arrow stream.
 *
 * **Exactly once**: each message says which rows of which run it holds (headers `Chunkwise-Run`, `Chunkwise-Rows`). A run
 * that resumes, and one whose connection broke, reads the headers of what the stream has behind its last known sequence,
 * and publishes the rows that are missing: that holds after any pause, with other writers on the stream, and however
 * the rows are cut this time. The same names are message ids (`Nats-Msg-Id`), so that within the stream's duplicate
 * window the server drops a message that comes again by itself.
 *
 * A stream that drops messages (by its limits, or a work queue or `interest` stream whose messages were consumed) cannot
 * be asked. There a resumed run relies on the duplicate window alone, and ends with SINK_FAILED where that has passed, or
 * where `arrow` messages may have been cut otherwise.
 *
 * Messages are in the order of the rows. Over several servers, a message that is refused while others behind it are
 * taken comes later; `inFlight: 1` rules that out. A lost connection is made anew by the policy of `retry`; SINK_FAILED
 * once it is used up. Optional packages `@nats-io/transport-node` and `@nats-io/jetstream`.
 */
export function natsJetStreamSink(options: NatsJetStreamSinkOptions): Sink<'exactly once'> {
  const name = 'natsJetStreamSink';
  const resolved = resolve(name, options);
  const who = `${name} '${resolved.stream}'`;
  return {
    name,
    guarantee: 'exactly once',
    checkpointFirst: true,
    open: (resume, signal) => openJetStream(who, options, resolved, resume, signal),
  };
}

const resolve = (name: string, options: NatsJetStreamSinkOptions) =>
  checked(name, options, [...NATS_OPTIONS_BESIDE, 'maxMessageBytes'], () => ({
    ...natsOptions(options),
    ...messageSinkOptions(options),
    stream: text({ stream: options.stream }),
    subject: textOrColumn({ subject: options.subject }),
    inFlight: integer({ inFlight: options.inFlight ?? 256 }, 1, 65_536),
  }));
