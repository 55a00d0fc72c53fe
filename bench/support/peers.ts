/**
 * Packages that the benches measure against. They are installed beside the benches, or left out of the tables.
 */
import { createRequire } from 'node:module';

/** Does a contender's work once, and gives its output. */
export type Peer = () => Float32Array | Promise<Float32Array>;

const require = createRequire(import.meta.url);

/** A package of bench/package.json, or undefined with a word about it where it is not installed. */
export async function peer<P>(name: string): Promise<P | undefined> {
  try {
    return require(name) as P;
  } catch (error) {
    if ((error as { code?: string }).code !== 'MODULE_NOT_FOUND') throw error;
    console.error(`bench: ${name} is not installed and left out; \`npm ci --prefix bench\` adds it`);
    return undefined;
  }
}

/** Where a package's file lies. */
export const fileOfPeer = (path: string): string => require.resolve(path);
