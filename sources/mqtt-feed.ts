/**
 * Messages of an MQTT subscription, with acknowledgements that wait until what they stand for is committed.
 *
 * 1. The client acknowledges a message (PUBACK) as soon as it is taken, and takes the next one only then. Its
 *    acknowledgements are held back here and sent with a commit; the client believes them sent.
 * 2. A full buffer keeps the client from taking more, which it feels on its socket, and the broker with it.
 * 3. The broker keeps the session when a connection breaks. What it sends again of what is held is passed over.
 */
import type { IPublishPacket, MqttClient, Packet } from 'mqtt';
import { sourceFailed } from '../src/errors.js';
import { retried } from '../src/retry.js';
import type { Position } from '../src/source.js';
import { MessageBuffer } from './message-buffer.js';
import type { MessageFeed, Place } from './message-options.js';
import type { MqttSourceOptions, ResolvedMqttSource } from './mqtt.js';
import { connectMqtt, mayPass, mqttFailed } from './mqtt-connection.js';
import { integersAt } from './position.js';

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly isRetained: boolean;
  /** The number of the message in the flow, from 1. */
  readonly number: number;
}

/** How the client sends, which it keeps to itself. */
interface Sender {
  _sendPacket(packet: Packet, sent?: (error?: Error) => void, ...rest: unknown[]): unknown;
}

const senderOf = (client: MqttClient) => client as unknown as Sender;

export class MqttFeed implements MessageFeed<MqttMessage> {
  readonly #who: string;
  readonly #given: MqttSourceOptions;
  readonly #options: ResolvedMqttSource;
  readonly #signal: AbortSignal;
  readonly #buffer: MessageBuffer<MqttMessage>;
  /** Messages that are not acknowledged, by packet id, in the order they came. */
  readonly #held = new Map<number, MqttMessage>();
  #number = 0;
  #client: MqttClient | undefined;
  #isClosed = false;

  constructor(
    who: string,
    given: MqttSourceOptions,
    options: ResolvedMqttSource,
    from: Position | undefined,
    signal: AbortSignal,
  ) {
    this.#who = who;
    this.#given = given;
    this.#options = options;
    this.#signal = signal;
    this.#buffer = new MessageBuffer(options.prefetchMessages);
    if (from !== undefined) this.#number = integersAt(who, from, ['messages']).messages;
  }

  get start(): Place {
    return { messages: this.#number };
  }

  placeBehind({ number }: MqttMessage): Place {
    return { messages: number };
  }

  take(most: number, waitMs: number): Promise<readonly MqttMessage[] | undefined> {
    return this.#buffer.take(most, waitMs, this.#signal);
  }

  /**
   * Connects and subscribes, and does so again whenever the connection breaks. Not waited for: messages of the session come
   * before the answer to a subscription, and must be read to let it through.
   */
  begin(): void {
    this.#connect().catch((error: unknown) => {
      this.#buffer.fail(this.#signal.aborted ? error : mqttFailed(this.#who, error));
    });
  }

  committed(position: Position): void {
    const { messages } = integersAt(this.#who, position, ['messages']);
    const client = this.#client;
    for (const [messageId, { number }] of this.#held) {
      if (number > messages || !client?.connected) return;
      this.#held.delete(messageId);
      senderOf(client)._sendPacket({ cmd: 'puback', messageId });
    }
  }

  /** Lets go once what was acknowledged is on its way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const client = this.#client;
    if (client?.connected) await client.endAsync().catch(() => {});
    else client?.end(true);
  }

  async #connect(): Promise<void> {
    const { retry } = this.#options;
    const client = await retried(this.#who, retry, () => this.#subscribed(), this.#signal, mayPass);
    const goOn = () => {
      if (!this.#isClosed && !this.#signal.aborted) this.begin();
    };
    if (client.connected) client.once('close', goOn);
    else goOn();
  }

  async #subscribed(): Promise<MqttClient> {
    const { qos, clientId, sessionSeconds, protocol, topics } = this.#options;
    const session = {
      ...(clientId !== undefined && { clientId }),
      clean: qos === 0,
      ...(protocol === 5 && {
        properties: { receiveMaximum: 65_535, ...(qos > 0 && { sessionExpiryInterval: sessionSeconds }) },
      }),
    };
    const prepare = (client: MqttClient) => this.#holdBack(client);
    const connect = () => connectMqtt(this.#who, this.#given, this.#options, session, this.#signal, prepare);
    const { client, broken } = await connect();
    this.#client = client;
    try {
      const granted = await Promise.race([client.subscribeAsync([...topics], { qos }), broken]);
      const refused = granted.find((grant) => grant.qos > 2);
      if (refused !== undefined)
        throw sourceFailed(this.#who, `topic '${refused.topic}'`, 'a subscription', 'a refusal');
      return client;
    } catch (error) {
      client.end(true);
      throw error;
    }
  }

  /** Takes messages, and acknowledgements before they are sent. */
  #holdBack(client: MqttClient): void {
    const sender = senderOf(client);
    const send = sender._sendPacket.bind(client);
    let isHeldBack = false;
    sender._sendPacket = (packet, sent, ...rest) => {
      const isOfClient = packet.cmd === 'puback' && sent !== undefined;
      if (!isOfClient) return send(packet, sent, ...rest);
      isHeldBack = true;
      sent();
      return client;
    };
    client.handleMessage = (packet, done) => {
      const taken = () => {
        isHeldBack = false;
        done();
        if (packet.qos === 1 && !isHeldBack) {
          const got = 'a client that acknowledges in another way';
          this.#buffer.fail(sourceFailed(this.#who, "package 'mqtt'", 'version 5.16 or one like it', got));
        }
      };
      const room = this.#take(packet);
      if (room === undefined) taken();
      else void room.then(taken);
    };
  }

  #take({ topic, payload, retain, qos, dup, messageId }: IPublishPacket): Promise<void> | undefined {
    const isAgain = qos > 0 && dup && this.#held.get(messageId!)?.topic === topic;
    if (isAgain) return undefined;
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    const message = { topic, payload: bytes, isRetained: retain, number: ++this.#number };
    if (qos > 0) this.#held.set(messageId!, message);
    return this.#buffer.push(message);
  }
}
