/**
 * Child processes to be killed: built once into one file, since a process that must compile itself first starts slowly.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** Bundles a script of this folder into `outfile`. */
export function built(script: string, outfile: string): string {
  buildSync({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Clients of brokers are CommonJS.
    banner: {
      js: "import { createRequire as toRequire } from 'node:module'; const require = toRequire(import.meta.url);",
    },
    // Loaded where they are used, and with files of their own: a script that uses them lies beside the packages.
    external: ['@duckdb/*', 'parquet-wasm'],
    logLevel: 'error',
  });
  return outfile;
}

export interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Starts a script; `onLine` hears each line that it prints and may kill it. */
export function started(
  script: string,
  args: readonly string[],
  { env = {}, onLine, onStart, node = [] }: Started = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [...node, script, ...args], { env: { ...process.env, ...env } });
  onStart?.(child);
  const lines: string[] = [];
  let errors = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    onLine?.(line, child);
  });
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ signal, code, lines, errors }));
  });
}

export interface Started {
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string, child: ChildProcess) => void;
  readonly onStart?: (child: ChildProcess) => void;
  /** Options of Node itself. */
  readonly node?: readonly string[];
}
