/**
 * What connectors of databases share: names as identifiers, and secrets that no message tells.
 */
import { DataflowError, optionRange, reason, type sinkFailed, type sourceFailed } from '../src/errors.js';
import { text } from '../src/options.js';

/** Where a database is, and who asks. What is not said comes from the client's environment variables and defaults. */
export interface DatabaseAddress {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  /** Whether and how to encrypt. Default: no. */
  readonly ssl?: boolean | { readonly ca?: string; readonly rejectUnauthorized?: boolean };
}

/** An address in parts, or as a URL. */
export type DatabaseConnection = string | DatabaseAddress;

export function connectionOption(connection: unknown): DatabaseConnection | undefined {
  const isAddress = connection !== null && typeof connection === 'object' && !Array.isArray(connection);
  if (connection === undefined || isAddress || (typeof connection === 'string' && connection !== '')) {
    return connection as DatabaseConnection | undefined;
  }
  throw optionRange('', 'connection', 'a connection string or an object', typeof connection);
}

/** A name as an identifier, whatever is in it. */
export function identifier(name: string, quote: '"' | '`'): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw optionRange('', 'table or column', 'a name without zero bytes', name);
  }
  return `${quote}${name.replaceAll(quote, quote + quote)}${quote}`;
}

/** A table's name, with its schema where it has one, as an identifier. */
export const tableIdentifier = (table: string | readonly [string, string], quote: '"' | '`'): string =>
  (typeof table === 'string' ? [table] : table).map((part) => identifier(part, quote)).join('.');

/** Every column of a table, or those that are named. Names are taken literally, whatever is in them. */
export interface SqlTableName {
  /** The table, or its schema (in MySQL: its database) and the table. */
  readonly table: string | readonly [string, string];
  /** Default: all. */
  readonly columns?: readonly string[];
}

/** The rows of a query or table, to be selected from. */
export function rowsOf(query: string | SqlTableName, quote: '"' | '`'): string {
  if (typeof query === 'string') return `(\n${text({ query: query.replace(/[\s;]+$/, '') })}\n)`;
  const names = query.columns?.map((column) => identifier(column, quote)).join(', ') ?? '*';
  return `(select ${names} from ${tableIdentifier(query.table, quote)})`;
}

/** Who speaks to a database, and how its errors are made. */
export interface DatabaseSetup {
  readonly who: string;
  readonly connection: DatabaseConnection | undefined;
  readonly connectTimeoutMs: number;
  readonly failed: typeof sourceFailed | typeof sinkFailed;
}

/** Runs some work with a connection; what goes wrong becomes the source's or sink's error, without the password. */
export async function guarded<T>(
  { who, connection, failed }: DatabaseSetup,
  what: string,
  expected: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataflowError || (error as Error)?.name === 'AbortError') throw error;
    throw failed(who, what, expected, reasonWithout(connection, error), error);
  }
}

/** An error's reason without the password of a connection. */
function reasonWithout(connection: DatabaseConnection | undefined, error: unknown): string {
  const causes = error instanceof AggregateError && error.message === '' ? error.errors : [error];
  let told = [...new Set(causes.map(reason))].join('; ') || 'the connection failed';
  for (const secret of secrets(connection)) told = told.replaceAll(secret, '***');
  return told.replace(/\.$/, '');
}

function secrets(connection: DatabaseConnection | undefined): string[] {
  if (typeof connection !== 'string') return connection?.password ? [connection.password] : [];
  const password = /^[^:/]*:\/\/[^:]*:(.*)@/s.exec(connection)?.[1] ?? '';
  return [connection, password, decoded(password)].filter((secret) => secret !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
