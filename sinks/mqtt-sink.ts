/**
 * MQTT: rows as messages.
 */
import type { RecordBatch } from 'apache-arrow';
import {
  connectMqtt,
  MQTT_OPTIONS_BESIDE,
  type MqttConnection,
  type MqttOptions,
  mayPass,
  mqttFailed,
  mqttOptions,
} from '../sources/mqtt-connection.js';
import { integersAt } from '../sources/position.js';
import { sinkFailed } from '../src/errors.js';
import { checked, integer, oneOf, truth } from '../src/options.js';
import { retried } from '../src/retry.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import {
  MessageEncoder,
  type MessageSinkOptions,
  messageSinkOptions,
  type Outgoing,
  type TextOrColumn,
  textOrColumn,
} from './message-encoder.js';
import { publishWindow } from './publish-window.js';

export interface MqttSinkOptions extends MqttOptions, MessageSinkOptions {
  /** The topic of the messages, or the column that has it. */
  readonly topic: TextOrColumn;
  /** Quality of service: 0 not acknowledged, 1 acknowledged (default), 2 acknowledged in two steps. */
  readonly qos?: 0 | 1 | 2;
  /** Whether the broker keeps the last message of each topic for later subscribers. Default false. */
  readonly retain?: boolean;
  /** Messages under way that the broker has not acknowledged yet, 1 … 65,535, default 64; fewer where it says so. */
  readonly inFlight?: number;
}

type Resolved = ReturnType<typeof resolve>;

const MIB = 2 ** 20;

/**
 * Publishes a message a row, or a batch as an Arrow stream.
 *
 * **At least once** at quality of service 1 and 2: a batch is written when the broker has acknowledged all its messages; what
 * was sent behind the last checkpoint is sent again by a run that resumes from it, for a broker cannot be asked what it has.
 * At 0 there is no guarantee at all: messages may be lost, and doubled by a resumed run.
 *
 * Messages are in the order of the rows. A lost connection is made anew by the policy of `retry`; SINK_FAILED once it is used
 * up. Optional package `mqtt`.
 */
export function mqttSink(options: MqttSinkOptions): Sink<'at least once'> {
  const name = 'mqttSink';
  const resolved = resolve(name, options);
  return {
    name,
    ...(resolved.qos > 0 && { guarantee: 'at least once' }),
    async open(resume, signal) {
      const writer = new MqttWriter(name, options, resolved, resume, signal);
      await writer.begin();
      return writer;
    },
  };
}

const resolve = (name: string, options: MqttSinkOptions) =>
  checked(name, options, [...MQTT_OPTIONS_BESIDE, 'maxMessageBytes'], () => ({
    ...mqttOptions(options),
    ...messageSinkOptions(options),
    topic: textOrColumn({ topic: options.topic }),
    qos: oneOf({ qos: options.qos ?? 1 }, [0, 1, 2]),
    retain: truth({ retain: options.retain ?? false }),
    inFlight: integer({ inFlight: options.inFlight ?? 64 }, 1, 65_535),
  }));

class MqttWriter implements SinkWriter {
  readonly #who: string;
  readonly #given: MqttSinkOptions;
  readonly #options: Resolved;
  readonly #signal: AbortSignal;
  readonly #encoder: MessageEncoder;
  #rows = 0;
  #bytes = 0;
  #connection: MqttConnection | undefined;

  constructor(
    who: string,
    given: MqttSinkOptions,
    options: Resolved,
    resume: Position | undefined,
    signal: AbortSignal,
  ) {
    this.#who = who;
    this.#given = given;
    this.#options = options;
    this.#signal = signal;
    this.#encoder = new MessageEncoder(who, options.format, { topic: options.topic });
    if (resume !== undefined) this.#rows = integersAt(who, resume, ['rows']).rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async begin(): Promise<void> {
    await this.#persisting(() => this.#connected());
  }

  async write(batch: RecordBatch): Promise<void> {
    let messages = this.#encoder.messages(batch, this.#rows, this.#options.maxMessageBytes ?? MIB);
    while (messages.length > 0) messages = await this.#persisting(() => this.#publishSome(messages));
    this.#rows += batch.numRows;
  }

  position(): Position {
    return { rows: this.#rows };
  }

  async finish(): Promise<void> {
    await this.#connection?.client.endAsync().catch(() => {});
  }

  abandon(): void {
    this.#connection?.client.end(true);
  }

  /** Publishes; gives the messages that are left where the connection broke behind the first. */
  async #publishSome(messages: readonly Outgoing[]): Promise<Outgoing[]> {
    const { client, broken, mostInFlight } = await this.#connected();
    const { topic, qos, retain, inFlight } = this.#options;
    const publish = ({ payload, address, first }: Outgoing) => {
      const to = typeof topic === 'string' ? topic : address.topic;
      if (!to) throw sinkFailed(this.#who, `topic of row ${first}`, 'a topic', `${to}`);
      const published = client.publishAsync(to, Buffer.from(payload), { qos, retain });
      return Promise.race([published, broken]);
    };
    const most = Math.min(inFlight, mostInFlight);
    const { done, failure } = await publishWindow(messages, most, publish, ({ payload }) => {
      this.#bytes += payload.length;
    });
    if (failure === undefined) return [];
    client.end(true);
    if (done === 0 || !mayPass(failure.error)) throw failure.error;
    return messages.slice(done);
  }

  async #connected(): Promise<MqttConnection> {
    if (this.#connection?.client.connected) return this.#connection;
    const session = { clean: true };
    this.#connection = await connectMqtt(this.#who, this.#given, this.#options, session, this.#signal);
    return this.#connection;
  }

  async #persisting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await retried(this.#who, this.#options.retry, work, this.#signal, mayPass);
    } catch (error) {
      throw this.#signal.aborted ? error : mqttFailed(this.#who, error, sinkFailed);
    }
  }
}
