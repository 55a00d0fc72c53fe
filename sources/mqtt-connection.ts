/**
 * Connections to an MQTT broker: used until they break, then made anew for the same session.
 */
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import { DataflowError, reason, sourceFailed } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';
import { integer, oneOf, text } from '../src/options.js';
import { type RetryPolicy, retryOptions } from '../src/retry.js';
import { untilAborted } from './until-aborted.js';

export interface MqttOptions {
  /** `mqtt://host:port`, `mqtts://…` or `ws://…`. Default 'mqtt://127.0.0.1:1883'. */
  readonly url?: string;
  readonly user?: string;
  readonly password?: string;
  /** Version of the protocol, 5 (default) or 4, which is MQTT 3.1.1. */
  readonly protocol?: 4 | 5;
  /** The most milliseconds to wait for an answer. 1 … 2^31 − 1, default 5000. */
  readonly timeoutMs?: number;
  /** How often, and after which waits, a lost connection is made anew. */
  readonly retry?: RetryPolicy;
}

export interface ResolvedMqttOptions {
  readonly url: string;
  readonly protocol: 4 | 5;
  readonly timeoutMs: number;
  readonly retry: Required<RetryPolicy>;
}

/** Names of options that are passed on unchecked. */
export const MQTT_OPTIONS_BESIDE = ['user', 'password'] as const;

export const mqttOptions = (options: MqttOptions): ResolvedMqttOptions => ({
  url: text({ url: options.url ?? 'mqtt://127.0.0.1:1883' }),
  protocol: oneOf({ protocol: options.protocol ?? 5 }, [4, 5]),
  timeoutMs: integer({ timeoutMs: options.timeoutMs ?? 5000 }, 1, 2 ** 31 - 1),
  retry: retryOptions('', options.retry),
});

/** The broker does not want this client, now or later: codes of MQTT 3.1.1 and of MQTT 5. */
const REFUSALS = new Set([1, 2, 4, 5, 132, 133, 134, 135, 138, 140]);

export const mayPass = (error: unknown): boolean =>
  !(error instanceof DataflowError) && !REFUSALS.has((error as { code?: number } | null)?.code ?? 0);

/** An error of the client as one of ours. */
export const mqttFailed = (who: string, error: unknown, make = sourceFailed): DataflowError =>
  error instanceof DataflowError
    ? error
    : make(who, 'the broker', 'to answer within the retries', reason(error), error);

/** A connection that stands. */
export interface MqttConnection {
  readonly client: MqttClient;
  /** Rejects when the connection breaks or is closed. */
  readonly broken: Promise<never>;
  /** Messages that the broker takes before it has acknowledged the first of them. */
  readonly mostInFlight: number;
}

/** Connects once; `prepare` sees the client before a message can arrive. */
export async function connectMqtt(
  who: string,
  { user, password }: MqttOptions,
  { url, protocol, timeoutMs }: ResolvedMqttOptions,
  session: IClientOptions,
  signal: AbortSignal,
  prepare: (client: MqttClient) => void = () => {},
): Promise<MqttConnection> {
  const { connect } = await optionalPeer(who, 'mqtt', () => import('mqtt'));
  const client = connect(url, {
    protocolVersion: protocol,
    reconnectPeriod: 0,
    connectTimeout: timeoutMs,
    resubscribe: false,
    queueQoSZero: false,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...session,
  });
  prepare(client);
  const broken = new Promise<never>((_, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error('the connection was closed')));
  });
  broken.catch(() => {});
  const connected = new Promise<IConnackPacket>((resolve) => client.once('connect', resolve));
  try {
    const { properties } = await untilAborted(Promise.race([connected, broken]), signal);
    return { client, broken, mostInFlight: properties?.receiveMaximum ?? 65_535 };
  } catch (error) {
    client.end(true);
    throw error;
  }
}
