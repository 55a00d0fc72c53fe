/**
 * Connections to MySQL and MariaDB, and what their errors mean.
 */
import type { Connection, ConnectionOptions } from 'mysql2';
import type { DataflowError } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';
import type { Judge } from '../src/retry.js';
import { type DatabaseSetup, guarded } from './database.js';
import { untilAborted } from './until-aborted.js';

/** How values come: exact ones that JavaScript's numbers cannot hold, dates and JSON among them, as text. */
const EXACT: ConnectionOptions = {
  supportBigNumbers: true,
  bigNumberStrings: true,
  dateStrings: true,
  jsonStrings: true,
  charset: 'utf8mb4',
};

/** Connects; a failure is told without the password. The session is in UTC and refuses what it cannot hold. */
export async function connectMysql(setup: DatabaseSetup, signal: AbortSignal): Promise<Connection> {
  const { who, connection, connectTimeoutMs: connectTimeout } = setup;
  const { createConnection } = await optionalPeer(who, 'mysql2', () => import('mysql2'));
  return guarded(setup, 'connecting', 'a server that answers', async () => {
    const address = typeof connection === 'string' ? { uri: connection } : connection;
    const client = createConnection({ ...EXACT, connectTimeout, ...address } as ConnectionOptions);
    // A connection that is lost while nothing is asked of it is told by the next query.
    client.on('error', () => {});
    try {
      await untilAborted(
        client.promise().query(
          `set session time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
            net_write_timeout = 3600`,
        ),
        signal,
      );
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    }
  });
}

/** Errors of the server that may be over soon: crowds, shutdowns, killed connections, locks and deadlocks. */
const PASSING = new Set([1040, 1053, 1205, 1213, 1927, 3169, 4031]);

/** Whether another attempt may succeed: the server did not answer at all, or said so. */
export const isPassingMysql: Judge = (error) => {
  const { code, cause } = error as DataflowError;
  if ((code !== 'SOURCE_FAILED' && code !== 'SINK_FAILED') || cause === undefined) return false;
  const { errno, sqlState } = cause as { readonly errno?: number; readonly sqlState?: string };
  return sqlState === undefined || sqlState === '' || PASSING.has(errno ?? 0);
};
