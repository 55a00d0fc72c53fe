/**
 * The MySQL or MariaDB that tests run against: `CHUNKWISE_TEST_MYSQL`, or the one on this machine.
 */
import mysql from 'mysql2/promise';
import { afterAll } from 'vitest';

export const MYSQL_URL = process.env.CHUNKWISE_TEST_MYSQL ?? 'mysql://root@127.0.0.1:3306/test';

const answers = await mysql.createConnection({ uri: MYSQL_URL, connectTimeout: 2000 }).then(
  (client) => client.end().then(() => true),
  () => false,
);
if (!answers) {
  console.warn(
    `No MySQL at ${MYSQL_URL}: its tests are skipped. Start one (mariadbd-safe), or set CHUNKWISE_TEST_MYSQL.`,
  );
}
export const withoutMysql = !answers;

export interface MysqlScratch {
  /** A database of this file's own, gone behind it. */
  readonly database: string;
  readonly url: string;
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

/** A connection to a database of this test file's own. */
export async function mysqlScratch(name: string): Promise<MysqlScratch> {
  const database = `chunkwise_${name}_${process.pid}`;
  const client = await mysql.createConnection({
    uri: MYSQL_URL,
    multipleStatements: true,
    dateStrings: true,
  });
  await client.query(`drop database if exists ${database}; create database ${database}; use ${database}`);
  afterAll(async () => {
    await client.query(`drop database ${database}`);
    await client.end();
  });
  const url = new URL(MYSQL_URL);
  url.pathname = database;
  return {
    database,
    url: `${url}`,
    query: async (sql, values) => (await client.query(sql, values))[0] as Record<string, unknown>[],
  };
}
