/**
 * MQTT: messages of subscribed topics.
 */
import { optionRange } from '../src/errors.js';
import { checked, integer, oneOf, text } from '../src/options.js';
import type { Source } from '../src/source.js';
import { messageBatches } from './message-batches.js';
import { type MessageKind, type MessageOptions, messageOptions } from './message-options.js';
import { MQTT_OPTIONS_BESIDE, type MqttOptions, mqttOptions } from './mqtt-connection.js';
import { MqttFeed, type MqttMessage } from './mqtt-feed.js';

export interface MqttSourceOptions extends MqttOptions, MessageOptions<'topic' | 'retained'> {
  /** A topic filter, or several: `plant/+/heat`, `plant/#`, `$share/group/plant/#`. */
  readonly topics: string | readonly string[];
  /** 0: messages may be lost. 1 (default): they are acknowledged when they are committed; takes a `clientId`. */
  readonly qos?: 0 | 1;
  /** The name of the session that the broker keeps. It belongs to this flow alone. */
  readonly clientId?: string;
  /** How long the broker keeps the session while nobody is connected (MQTT 5). 1 … 2^32 − 1 s, default 604,800 (a week). */
  readonly sessionSeconds?: number;
  /** Messages that wait to be read before the broker has to. 1 … 65,536, default 1000. */
  readonly prefetchMessages?: number;
}

export type ResolvedMqttSource = ReturnType<typeof resolve>;

const kind: MessageKind<MqttMessage> = {
  payload: ({ payload }) => payload,
  number: ({ number }) => number,
  about: {
    topic: { type: 'utf8', of: ({ topic }) => topic },
    retained: { type: 'bool', of: ({ isRetained }) => isRetained },
  },
};

/**
 * Reads the messages of topics as they come; it does not end by itself.
 *
 * At quality of service 1, every row comes **at least once**: a message is acknowledged when a checkpoint holds it (in a flow
 * without checkpoints: when the sink has it), and the broker sends again what was not, over the session that it keeps for
 * `clientId`. At 0, **at most once**. There is no 2: its handshake takes a message off the broker before it is
 * processed, which a killed process would lose; what is published with 2 comes with 1.
 *
 * A broker sends only so many messages that are not acknowledged: 65,535 by MQTT 5 or what it is set to, and with MQTT 3.1.1 often
 * no more than 20. Take checkpoints before that many have come: `everySeconds`.
 *
 * The position counts messages; a broker cannot go back. A lost connection is made anew by the policy of `retry`, and what
 * comes again is passed over; SOURCE_FAILED once it is used up. Optional package `mqtt`.
 */
export function mqtt(options: MqttSourceOptions): Source<'at least once' | 'at most once'> {
  const name = 'mqtt';
  const resolved = resolve(name, options);
  const origin = resolved.topics.join(', ');
  const who = `${name} '${origin}'`;
  return {
    name,
    guarantee: resolved.qos === 0 ? 'at most once' : 'at least once',
    read(from, signal) {
      const feed = new MqttFeed(who, options, resolved, from, signal);
      return {
        async *[Symbol.asyncIterator]() {
          feed.begin();
          yield* messageBatches({ who, origin, kind, feed, options: resolved }, from, signal);
        },
        committed: (position) => feed.committed(position),
        close: () => feed.close(),
      };
    },
  };
}

const resolve = (name: string, options: MqttSourceOptions) =>
  checked(name, options, [...MQTT_OPTIONS_BESIDE, 'clientId'], () => {
    const { clientId } = options;
    const qos = oneOf({ qos: options.qos ?? 1 }, [0, 1]);
    if (qos > 0 && clientId === undefined)
      throw optionRange('', 'clientId', 'a name for the session', clientId);
    const topics = [options.topics ?? []].flat();
    if (topics.length === 0) throw optionRange('', 'topics', 'at least one topic', topics);
    return {
      ...mqttOptions(options),
      ...messageOptions(options, kind.about),
      topics: topics.map((topic) => text({ topics: topic })),
      qos,
      ...(clientId !== undefined && { clientId: text({ clientId }) }),
      sessionSeconds: integer({ sessionSeconds: options.sessionSeconds ?? 604_800 }, 1, 2 ** 32 - 1),
      prefetchMessages: integer({ prefetchMessages: options.prefetchMessages ?? 1000 }, 1, 65_536),
    };
  });
