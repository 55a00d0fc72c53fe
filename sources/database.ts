/**
 * What connectors of databases share: names as identifiers, and secrets that no message tells.
 */
import { optionRange, reason } from '../src/errors.js';

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

/** An error's reason without the password of a connection. */
export function reasonWithout(connection: DatabaseConnection | undefined, error: unknown): string {
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
