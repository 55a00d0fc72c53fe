/**
 * The byte model: how small files become and how fast, level by level; what each half of it brings; how it learns.
 *
 *   npm run bench -- byte-model          files of npm packages
 *   ENWIK8=path npm run bench -- byte-model   and the first 1,000,000 bytes of that file
 *   LEVELS=1,5,9                         which levels
 *
 * Bytes are what an ideal coder needs for the model's predictions; the arithmetic coder adds 2 to 5 bytes a frame. One
 * thread, through `onlineModel` over rows of 64 KB. `zpaq -m5`, where it is installed, compresses the same file in the
 * same run: speeds are ratios to it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Binary, RecordBatch, vectorFromArray } from 'apache-arrow';
import { plot } from 'asciichart';
import { onlineModel } from '../operators/compression/online-model.js';
import type { Result, Row } from './support/results.js';
import { type Line, svgPlot } from './support/svg-plot.js';

const ROW_BYTES = 65536;
const ENWIK8_BYTES = 1_000_000;
const LEVELS = (process.env.LEVELS ?? '1,5,9').split(',').map(Number);
const PARTS = ['both', 'ngrams', 'ssm'] as const;
type Parts = (typeof PARTS)[number];

interface File {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const dependency = (path: string): File => ({
  name: path.slice(path.lastIndexOf('/') + 1),
  bytes: readFileSync(fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url))),
});

function files(): File[] {
  const data = ['zipcodes.csv', 'birdstrikes.csv', 'movies.json', 'flights-20k.json'];
  const found = data.map((name) => dependency(`vega-datasets/data/${name}`));
  found.push(dependency('typescript/lib/lib.dom.d.ts'));
  const { ENWIK8 } = process.env;
  if (ENWIK8 === undefined) {
    console.error('bench: ENWIK8 names no file, so text is left out');
    return found;
  }
  return [{ name: 'enwik8 1 MB', bytes: readFileSync(ENWIK8).subarray(0, ENWIK8_BYTES) }, ...found];
}

function batchOf(bytes: Uint8Array): RecordBatch {
  const rows: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += ROW_BYTES) rows.push(bytes.subarray(at, at + ROW_BYTES));
  const { data } = vectorFromArray(rows, new Binary());
  return new RecordBatch({ bytes: data[0]! });
}

interface Measured {
  /** What each row of 64 KB costs, in bits. */
  readonly bits: Float64Array;
  readonly size: number;
  readonly seconds: number;
  readonly stateBytes: number;
}

function measure({ bytes }: File, level: number, parts: Parts): Measured {
  const operator = onlineModel({ level, parts, separator: -1, columns: { bytes: 'bytes' } });
  const open = operator.open();
  const batch = batchOf(bytes);
  let bits = new Float64Array();
  const before = process.cpuUsage();
  open.step(batch, (out) => {
    bits = Float64Array.from(out.getChild('bits')!.toArray() as Float64Array);
  });
  const { user, system } = process.cpuUsage(before);
  const size = Math.ceil(bits.reduce((sum, x) => sum + x, 0) / 8);
  return { bits, size, seconds: (user + system) / 1e6, stateBytes: operator.stateBytes };
}

/** Bytes a second of `zpaq -m5` on one thread; undefined where it is not installed. */
function zpaq({ bytes }: File): { size: number; speed: number } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'byte-model-'));
  const [input, archive] = [join(folder, 'input'), join(folder, 'archive.zpaq')];
  try {
    writeFileSync(input, bytes);
    const startMs = performance.now();
    execFileSync('zpaq', ['add', archive, input, '-m5', '-t1'], { stdio: 'ignore' });
    const seconds = (performance.now() - startMs) / 1000;
    return { size: statSync(archive).size, speed: bytes.length / seconds };
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const bitsPerByte = (size: number, bytes: Uint8Array) => ((8 * size) / bytes.length).toFixed(4);

function sizes(all: readonly File[]): Result {
  const rows = all.flatMap((file): Row[] => {
    const peer = zpaq(file);
    if (peer === undefined) console.error('bench: zpaq is not installed and left out');
    const { name, bytes } = file;
    const own = LEVELS.map((level): Row => {
      const { size, seconds, stateBytes } = measure(file, level, 'both');
      const speed = bytes.length / seconds;
      return {
        file: name,
        model: `level ${level}`,
        bytes: size,
        'bits/byte': bitsPerByte(size, bytes),
        'KB/s': (speed / 1000).toFixed(1),
        'x zpaq -m5': peer ? (speed / peer.speed).toFixed(3) : '–',
        'state MB': Math.round(stateBytes / 1e6),
      };
    });
    if (peer === undefined) return own;
    const { size, speed } = peer;
    const theirs = { file: name, model: 'zpaq -m5', bytes: size, 'bits/byte': bitsPerByte(size, bytes) };
    return [...own, { ...theirs, 'KB/s': (speed / 1000).toFixed(1), 'x zpaq -m5': '1.000', 'state MB': '–' }];
  });
  return { title: 'Bytes of whole files, one thread (speed below 1: slower than zpaq -m5)', rows };
}

/** Bits per byte of each stretch of 64 KB. */
const along = ({ bits }: Measured, { length }: Uint8Array): Line['points'] =>
  Array.from(bits, (cost, row) => {
    const bytes = Math.min(ROW_BYTES, length - row * ROW_BYTES);
    return [row * ROW_BYTES + bytes, cost / bytes] as const;
  });

const NAMES: Readonly<Record<Parts, string>> = {
  both: 'both',
  ngrams: 'n-grams alone',
  ssm: 'state space model alone',
};

function ablation(file: File): Result {
  const measured = PARTS.map((parts) => ({ parts, found: measure(file, 5, parts) }));
  const both = measured[0]!.found.size;
  const lines = measured.map(({ parts, found }) => ({
    name: NAMES[parts],
    points: along(found, file.bytes),
  }));
  const title = `Bits per byte along ${file.name}, stretches of 64 KB, level 5`;
  const svg = svgPlot(title, 'bytes', 'bits/byte', lines);
  writeFileSync(fileURLToPath(new URL('results/byte-model.svg', import.meta.url)), svg);
  return {
    title,
    rows: measured.map(({ parts, found: { size, seconds } }) => ({
      model: NAMES[parts],
      bytes: size,
      'bits/byte': bitsPerByte(size, file.bytes),
      'more than both': `${((100 * size) / both - 100).toFixed(2)} %`,
      'KB/s': (file.bytes.length / seconds / 1000).toFixed(1),
    })),
    plot: plot(
      lines.map(({ points }) => points.flatMap(([, y]) => [y, y, y, y])),
      { height: 12, min: 0 },
    ),
  };
}

export async function bench(): Promise<Result[]> {
  const all = files();
  return [sizes(all), ablation(all[0]!)];
}
