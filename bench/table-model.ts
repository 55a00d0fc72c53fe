/**
 * Record batches by their schema, against compressors of their Arrow file's bytes.
 *
 *   npm run bench -- table-model
 *   CHUNKWISE_TABLES=sp500,movies      which tables
 *   CHUNKWISE_BYTES=1                  our byte mode at level 5 too: some 30 KB/s
 *
 * Each way is run once. Before a size is told, the batches are decompressed and compared. KB/s are of the Arrow file's
 * bytes by CPU time. Peers that are not installed are left out with a notice.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RecordBatch, type Table, tableToIPC } from 'apache-arrow';
import { compress } from '../operators/compression/compress.js';
import { compressBatches } from '../operators/compression/compress-batches.js';
import { rowsAsBatch } from '../operators/compression/rows-of-bytes.js';
import { applyTo } from '../src/apply.js';
import { batchBytes } from '../src/columns.js';
import type { Operator } from '../src/operator.js';
import type { Result, Row } from './support/results.js';
import { vegaTables } from './support/vega-tables.js';

/** Bytes that must be reached, by table. */
const TARGETS: Readonly<Record<string, number>> = {
  'flights-200k': 377_000,
  zipcodes: 281_000,
  birdstrikes: 31_500,
  movies: 68_000,
  sp500: 39_000,
  'seattle hourly': 5_900,
};

interface Peer {
  readonly name: string;
  readonly program: string;
  readonly args: (input: string, output: string) => readonly string[];
  readonly output: (input: string, output: string) => string;
}

const peers: readonly Peer[] = [
  {
    name: 'zpaq -m5',
    program: 'zpaq',
    args: (input, output) => ['add', `${output}.zpaq`, input, '-m5', '-t1'],
    output: (_, output) => `${output}.zpaq`,
  },
  {
    name: 'xz -9e',
    program: 'xz',
    args: (input) => ['-9e', '-k', '-T1', input],
    output: (input) => `${input}.xz`,
  },
];

const missing = new Set<string>();

function peerBytes({ name, program, args, output }: Peer, ipc: Uint8Array): number | undefined {
  if (missing.has(name)) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'chunkwise-table-'));
  const [input, target] = [join(directory, 'table.arrow'), join(directory, 'out')];
  try {
    writeFileSync(input, ipc);
    execFileSync(program, args(input, target), { stdio: 'ignore' });
    return readFileSync(output(input, target)).length;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
    console.error(`bench: ${program} is not installed and left out`);
    missing.add(name);
    return undefined;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const compressedBytes = (batches: readonly RecordBatch[]) =>
  batches.reduce((sum, batch) => sum + (batch.data.children[0]!.values as Uint8Array).length, 0);

function timed(operator: Operator, batches: readonly RecordBatch[]) {
  const begin = process.cpuUsage().user;
  const out = applyTo(batches, operator).batches;
  return { out, seconds: (process.cpuUsage().user - begin) / 1e6 };
}

const text = (batch: RecordBatch) => batch.toArray().map(String).join('\n');

function refuseOthers(name: string, got: readonly RecordBatch[], expected: readonly RecordBatch[]): void {
  const isSame =
    got.length === expected.length && got.every((batch, i) => text(batch) === text(expected[i]!));
  if (!isSame) throw new Error(`${name}: expected equal batches, got others`);
}

function measure(name: string, table: Table): Row[] {
  const ipc = tableToIPC(table, 'file');
  const compressed = timed(compressBatches(), table.batches);
  const back = timed(compressBatches().inverse!(), compressed.out);
  refuseOthers(name, back.out, table.batches);
  const ours = compressedBytes(compressed.out);
  const speed = (seconds: number) => Math.round(ipc.length / 1000 / seconds);
  const row = (way: string, bytes: number, more: Row = {}): Row => ({
    table: name,
    way,
    bytes,
    'of ours': (bytes / ours).toFixed(3),
    target: '',
    'KB/s in': '',
    'KB/s out': '',
    ...more,
  });
  const rows = [
    row('compressBatches', ours, {
      target: TARGETS[name] ?? '',
      'KB/s in': speed(compressed.seconds),
      'KB/s out': speed(back.seconds),
    }),
  ];
  if (process.env.CHUNKWISE_BYTES) {
    const { out, seconds } = timed(compress({ level: 5 }), [rowsAsBatch('bytes', [ipc])]);
    rows.push(row('compress', compressedBytes(out), { 'KB/s in': speed(seconds) }));
  }
  for (const peer of peers) {
    const bytes = peerBytes(peer, ipc);
    if (bytes !== undefined) rows.push(row(peer.name, bytes));
  }
  rows.push(row('Arrow file', ipc.length));
  return rows;
}

export async function bench(): Promise<Result[]> {
  const wanted = process.env.CHUNKWISE_TABLES?.split(',');
  const names = Object.keys(vegaTables).filter((name) => wanted?.includes(name) ?? true);
  return names.map((name) => {
    const table = vegaTables[name]!();
    const bytes = table.batches.reduce((sum, batch) => sum + batchBytes(batch), 0);
    return { title: `${name}: ${table.numRows} rows, ${bytes} bytes of columns`, rows: measure(name, table) };
  });
}
