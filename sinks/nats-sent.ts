/**
 * What a JetStream stream has of a run's rows, read from the headers of its messages.
 */
import type { JsMsg, StreamInfo } from '@nats-io/jetstream';
import type { NatsSession } from '../sources/nats-connection.js';
import { sinkFailed } from '../src/errors.js';
import type { SentRows } from './sent-rows.js';

export const RUN_HEADER = 'Chunkwise-Run';
export const ROWS_HEADER = 'Chunkwise-Rows';

/** What a run knows of the stream that it writes to. */
export interface Mark {
  readonly run: string;
  /** When the stream was made: another one of its name is another stream. */
  readonly created: string;
  /** Everything up to here is accounted for. */
  readonly sequence: number;
  /** When this was known, in milliseconds since 1970. */
  readonly ms: number;
}

/** A consumer that nobody uses is gone after half a minute, in nanoseconds. */
const IDLE_NS = 30e9;

/** Refuses a stream of which nobody can tell which rows it was given behind the mark. */
export function refuseUnknowable(
  who: string,
  { config, state, created }: StreamInfo,
  mark: Mark,
  mayBeCutAnew: boolean,
): void {
  if (created !== mark.created) {
    throw sinkFailed(who, 'the stream', `the one that was made at ${mark.created}`, `one made at ${created}`);
  }
  if (state.last_seq < mark.sequence) {
    throw sinkFailed(who, 'the stream', `message ${mark.sequence}, which was written`, `${state.last_seq}`);
  }
  const hasNothingNew = state.last_seq === mark.sequence;
  const dropsInside = config.retention !== 'limits' || config.max_msgs_per_subject > 0;
  const hasAll = !dropsInside && state.first_seq <= mark.sequence + 1;
  if (hasNothingNew || hasAll) return;
  const windowMs = config.duplicate_window / 1e6;
  if (Date.now() - mark.ms < windowMs && !mayBeCutAnew) return;
  const expected = mayBeCutAnew
    ? 'all messages behind the checkpoint, to know the rows that they hold'
    : `all messages behind the checkpoint, or a checkpoint of the last ${windowMs / 1000} s`;
  throw sinkFailed(who, 'the stream', expected, 'a stream that drops messages');
}

/** Adds the rows of the run that the stream has behind the mark. A work queue is for one reader, and is not asked. */
export async function addSentRows(
  { manager, js }: NatsSession,
  { config, state }: StreamInfo,
  { run, sequence }: Mark,
  subject: string | undefined,
  sent: SentRows,
): Promise<void> {
  if (state.last_seq <= sequence || config.retention !== 'limits') return;
  const info = await manager.consumers.add(config.name, {
    ack_policy: 'none',
    deliver_policy: 'by_start_sequence',
    opt_start_seq: sequence + 1,
    headers_only: true,
    inactive_threshold: IDLE_NS,
    mem_storage: true,
    ...(subject !== undefined && { filter_subject: subject }),
  });
  if (info.num_pending === 0) return;
  const consumer = js.consumers.getConsumerFromInfo(info);
  const messages = await consumer.consume({ max_messages: 1000 });
  let delivery = 0;
  for await (const message of messages) {
    if (message.info.deliverySequence !== ++delivery) throw new Error('a message was lost on its way');
    addRows(message, run, sent);
    if (message.info.pending === 0 || message.seq >= state.last_seq) return;
  }
  throw new Error('the connection was closed');
}

function addRows({ headers }: JsMsg, run: string, sent: SentRows): void {
  if (headers?.get(RUN_HEADER) !== run) return;
  const match = /^(\d+)-(\d+)$/.exec(headers.get(ROWS_HEADER));
  if (match !== null) sent.add({ first: Number(match[1]), end: Number(match[2]) });
}
