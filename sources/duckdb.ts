/**
 * DuckDB, loaded when it is used: its API, and the bindings below, which hand out a column's memory as it is.
 */
import { optionalPeer } from '../src/optional-peer.js';

type Bindings = typeof import('@duckdb/node-bindings');

export type Duckdb = typeof import('@duckdb/node-api') & { readonly bindings: Bindings };

const PACKAGE = '@duckdb/node-api';

/** Loads DuckDB. Throws PACKAGE_MISSING, told by `who`, where it is not installed. */
export const loadDuckdb = (who: string): Promise<Duckdb> =>
  optionalPeer(who, PACKAGE, async () => {
    const api = await import('@duckdb/node-api');
    const { createRequire } = await import('node:module');
    // The bindings are a dependency of the API's, which need not be visible from here.
    const ofApi = createRequire(createRequire(import.meta.url).resolve(PACKAGE));
    return { ...api, bindings: ofApi('@duckdb/node-bindings') as Bindings };
  });
