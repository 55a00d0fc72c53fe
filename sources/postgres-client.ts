/**
 * Connections to PostgreSQL, and what their errors mean.
 */
import type { Client, ClientConfig } from 'pg';
import type { DataflowError } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';
import type { Judge } from '../src/retry.js';
import { type DatabaseSetup, guarded } from './database.js';
import { untilAborted } from './until-aborted.js';

/** Connects; a failure is told without the password. The session writes values exactly, dates in ISO, times in UTC. */
export async function connectPostgres(setup: DatabaseSetup, signal: AbortSignal): Promise<Client> {
  const { Client } = await optionalPeer(setup.who, 'pg', () => import('pg'));
  return guarded(setup, 'connecting', 'a server that answers', async () => {
    const client = new Client(config(setup));
    // A connection that is lost while nothing is asked of it is told by the next query.
    client.on('error', () => {});
    try {
      await untilAborted(client.connect(), signal);
      await client.query(
        `set datestyle to 'ISO, YMD'; set timezone to 'UTC'; set bytea_output to 'hex';
        set extra_float_digits to 3; set client_encoding to 'UTF8'`,
      );
      return client;
    } catch (error) {
      closePostgres(client);
      throw error;
    }
  });
}

/** Lets go at once; what is under way there is given up. */
export function closePostgres(client: Client): void {
  client.end().catch(() => {});
}

function config({ connection, connectTimeoutMs }: DatabaseSetup): ClientConfig {
  const address = typeof connection === 'string' ? { connectionString: connection } : { ...connection };
  return {
    application_name: 'chunkwise',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    ...address,
  } as ClientConfig;
}

/** SQLSTATEs of what may be over soon: connections, shutdowns, crowds, deadlocks and serialization failures. */
const PASSING = /^(08|57P0[123]|53|40)/;

/** Whether another attempt may succeed: the server did not answer at all, or said so. */
export const isPassingPostgres: Judge = (error) => {
  const { code, cause } = error as DataflowError;
  if ((code !== 'SOURCE_FAILED' && code !== 'SINK_FAILED') || cause === undefined) return false;
  const answer = cause as { readonly severity?: string; readonly code?: string };
  return answer.severity === undefined || PASSING.test(answer.code ?? '');
};
