/**
 * The durable consumer of a JetStream source: where it stands, and how it is made anew behind what is committed.
 */
import type { ConsumerInfo, JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { sourceFailed } from '../src/errors.js';
import type { NatsSession } from './nats-connection.js';
import type { ResolvedNatsSource } from './nats-jetstream.js';

/** The server does not redeliver by itself: a day, in nanoseconds. */
const ACK_WAIT_NS = 86_400e9;

export const isWorkQueue = ({ config }: StreamInfo): boolean => config.retention === 'workqueue';

/** The sequence behind which a flow without a position begins. */
export async function firstSequence(
  manager: JetStreamManager,
  { config, state }: StreamInfo,
  { consumer, start }: ResolvedNatsSource,
): Promise<number> {
  if (config.retention === 'workqueue') return 0;
  const known = await consumerInfo(manager, config.name, consumer);
  if (known !== undefined) return Math.max(known.ack_floor.stream_seq, floorOf(known));
  return start === 'next' ? state.last_seq : 0;
}

/** Refuses a stream that is not the one of the position, or has dropped what was not read. */
export function refuseStranger(
  who: string,
  { config, state, created }: StreamInfo,
  born: string | undefined,
  committed: number,
  lost: 'fail' | 'pass',
): void {
  if (config.retention === 'interest') {
    const expected = 'retention by limits or workqueue (a mirror of the stream has it)';
    throw sourceFailed(who, 'the stream', expected, 'interest');
  }
  if (born !== undefined && born !== created) {
    throw sourceFailed(who, 'the stream', `the one that was made at ${born}`, `one made at ${created}`);
  }
  if (committed > state.last_seq) {
    throw sourceFailed(
      who,
      'the stream',
      `message ${committed}, which was read`,
      `${state.last_seq} messages`,
    );
  }
  const hasLoss = committed > 0 && state.first_seq > committed + 1;
  if (config.retention === 'limits' && hasLoss && lost === 'fail') {
    const expected = `its messages from ${committed + 1} on (or option lost: 'pass')`;
    throw sourceFailed(who, 'the stream', expected, `from ${state.first_seq} on: others were dropped unread`);
  }
}

/** Makes the consumer anew, so that it delivers what is behind `committed`: of a work queue, what it still has. */
export async function makeConsumer(
  { manager }: NatsSession,
  stream: StreamInfo,
  { consumer, subjects }: ResolvedNatsSource,
  committed: number,
): Promise<ConsumerInfo> {
  const { name } = stream.config;
  const isQueue = isWorkQueue(stream);
  if ((await consumerInfo(manager, name, consumer)) !== undefined) {
    await manager.consumers.delete(name, consumer);
  }
  return manager.consumers.add(name, {
    durable_name: consumer,
    ack_policy: isQueue ? 'explicit' : 'all',
    ack_wait: ACK_WAIT_NS,
    max_ack_pending: -1,
    ...(isQueue
      ? { deliver_policy: 'all' }
      : { deliver_policy: 'by_start_sequence', opt_start_seq: committed + 1 }),
    ...(subjects.length === 1 && { filter_subject: subjects[0]! }),
    ...(subjects.length > 1 && { filter_subjects: [...subjects] }),
  });
}

/** A consumer that has acknowledged nothing yet stands where it was made to begin. */
const floorOf = ({ config }: ConsumerInfo): number => (config.opt_start_seq ?? 1) - 1;

async function consumerInfo(
  manager: JetStreamManager,
  stream: string,
  consumer: string,
): Promise<ConsumerInfo | undefined> {
  try {
    return await manager.consumers.info(stream, consumer);
  } catch (error) {
    if (error instanceof Error && error.name === 'ConsumerNotFoundError') return undefined;
    throw error;
  }
}
