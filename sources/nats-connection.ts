/**
 * Connections to a NATS server, and its streams.
 *
 * A connection is used until it breaks and then made anew: what was under way is known from the stream, not from the
 * connection.
 */
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { headers, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { DataflowError, optionRange, reason, sourceFailed } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';
import { integer, text } from '../src/options.js';
import { type RetryPolicy, retryOptions } from '../src/retry.js';

export interface NatsOptions {
  /** One or several `host:port` of a cluster. Default '127.0.0.1:4222'. */
  readonly servers?: string | readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Paths of PEM files, for TLS. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** The most milliseconds to wait for an answer. 1 … 2^31 − 1, default 5000. */
  readonly timeoutMs?: number;
  /** How often, and after which waits, a lost connection is made anew. */
  readonly retry?: RetryPolicy;
}

export interface ResolvedNatsOptions {
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  readonly retry: Required<RetryPolicy>;
}

/** Names of options that are passed on unchecked. */
export const NATS_OPTIONS_BESIDE = ['user', 'password', 'token', 'tls'] as const;

export function natsOptions(options: NatsOptions): ResolvedNatsOptions {
  const servers = [options.servers ?? '127.0.0.1:4222'].flat();
  if (servers.length === 0) throw optionRange('', 'servers', 'at least one host:port', servers);
  for (const server of servers) text({ servers: server });
  return {
    servers,
    timeoutMs: integer({ timeoutMs: options.timeoutMs ?? 5000 }, 1, 2 ** 31 - 1),
    retry: retryOptions('', options.retry),
  };
}

export interface NatsSession {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly headers: typeof headers;
}

/** Connects once. An unreachable server is an error of the client's own, worth another attempt. */
export async function connectNats(
  who: string,
  { user, password, token, tls }: NatsOptions,
  { servers, timeoutMs }: ResolvedNatsOptions,
): Promise<NatsSession> {
  const { connect, headers } = await optionalPeer(
    who,
    '@nats-io/transport-node',
    () => import('@nats-io/transport-node'),
  );
  const { jetstream, jetstreamManager } = await optionalPeer(
    who,
    '@nats-io/jetstream',
    () => import('@nats-io/jetstream'),
  );
  const options: NodeConnectionOptions = {
    servers: [...servers],
    name: who,
    reconnect: false,
    timeout: timeoutMs,
    pingInterval: timeoutMs,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls }),
  };
  const connection = await connect(options);
  try {
    const manager = await jetstreamManager(connection, { timeout: timeoutMs });
    return { connection, manager, headers, js: jetstream(connection, { timeout: timeoutMs }) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Whether another attempt may help: what our own code found wrong stays wrong, and so do a user or stream that are not there. */
export const mayPass = (error: unknown): boolean =>
  !(error instanceof DataflowError) &&
  !(error instanceof Error && /Authorization|Permission/.test(`${error.name}`)) &&
  !(error instanceof Error && error.name === 'StreamNotFoundError');

/** An error of the client as one of ours. */
export const natsFailed = (who: string, error: unknown, make = sourceFailed): DataflowError =>
  error instanceof DataflowError
    ? error
    : make(who, 'the server', 'to answer within the retries', reason(error), error);
