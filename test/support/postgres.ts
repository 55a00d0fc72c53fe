/**
 * The PostgreSQL that tests run against: `CHUNKWISE_TEST_POSTGRES`, or the one on this machine.
 */
import pg from 'pg';
import { afterAll } from 'vitest';

export const POSTGRES_URL = process.env.CHUNKWISE_TEST_POSTGRES ?? 'postgres://root@127.0.0.1:5432/test';

const answers = await connected().then(
  (client) => client.end().then(() => true),
  () => false,
);
if (!answers) {
  console.warn(
    `No PostgreSQL at ${POSTGRES_URL}: its tests are skipped. Start one (pg_ctlcluster 15 main start), or set CHUNKWISE_TEST_POSTGRES.`,
  );
}
export const withoutPostgres = !answers;

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: POSTGRES_URL, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  await client.connect();
  return client;
}

export interface Scratch {
  /** A schema of this file's own, gone behind it. */
  readonly schema: string;
  query<Row extends pg.QueryResultRow = Record<string, string>>(
    sql: string,
    values?: unknown[],
  ): Promise<Row[]>;
}

/** A connection whose unqualified tables are in a schema of this test file's own. */
export async function postgresScratch(name: string): Promise<Scratch> {
  const schema = `chunkwise_${name}_${process.pid}`;
  const client = await connected();
  await client.query(
    `drop schema if exists ${schema} cascade; create schema ${schema}; set search_path to ${schema}`,
  );
  afterAll(async () => {
    await client.query(`drop schema ${schema} cascade`);
    await client.end();
  });
  return { schema, query: async (sql, values) => (await client.query(sql, values)).rows };
}
