/**
 * Exact attention and softmax, against what else JavaScript can run them with.
 *
 *   npm ci --prefix bench && npm run bench -- attention
 *
 * Ours run as operators over Arrow batches: copies in and out are counted. The peers' tensors are made outside of what
 * is timed. Every contender's output is compared with ours before anything is timed; one call each in turn. Contenders
 * of one thread are compared by the processor time they take, which other programs change little; those of two by the
 * time that passes.
 */
import { Field, type RecordBatch, Schema } from 'apache-arrow';
import {
  causalAttention,
  crossAttention,
  decodeAttention,
  softmax,
  tilesOfThreads,
} from '../operators/index.js';
import * as naives from '../operators/naive.js';
import { arrowType, columnData, newBatch } from '../src/columns.js';
import type { Backend } from '../src/kernels/kernel.js';
import type { ArrayTypes } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import { nextUnit, seedRandom } from '../src/random.js';
import type { ColumnView, RowTypes } from '../src/row-types.js';
import {
  onnxAttention,
  onnxGroupQuery,
  onnxMultiHead,
  onnxSoftmax,
  onnxWindow,
  type Rows,
  tfjsAttention,
  tfjsSoftmax,
  tfjsWindow,
} from './support/attention-peers.js';
import { type Contender, collectGarbage, medians } from './support/medians.js';
import { PEAK_OPERATIONS, peakRun } from './support/peak.js';
import type { Peer } from './support/peers.js';
import type { Result, Row } from './support/results.js';
import { softmaxPasses } from './support/softmax-passes.js';

const ROUNDS = 7;
/** Runs of ours before any that counts: kernels are compiled again, for speed, while they already run. */
const WARM_UPS = 5;
const D = 64;
const AGREEMENT = 1e-5;

function drawn(length: number, seed: number, size = 1): Float32Array {
  const random = new Uint32Array(4);
  seedRandom(random, seed);
  return Float32Array.from({ length }, () => size * (2 * nextUnit(random) - 1));
}

function batchOf(types: RowTypes, rows: Readonly<Record<string, ColumnView>>, T: number): RecordBatch {
  const roles = Object.keys(types);
  const columns = roles.map((role) => columnData(types[role]!, rows[role]!, T));
  const schema = new Schema(roles.map((role, i) => new Field(role, columns[i]!.type, false)));
  return newBatch(schema, T, columns);
}

/** A step over one batch from the start each time, with what it emits at the end. */
function ours(operator: Operator, batch: RecordBatch, role: string, backend: Backend = 'wasm'): Peer {
  const open = operator.open({ backend });
  const start = open.snapshot();
  return () => {
    let output = new Float32Array();
    const keep = (emitted: RecordBatch) => {
      output = emitted.getChild(role)!.data[0]!.children[0]!.values as Float32Array<ArrayBuffer>;
    };
    open.restore(start);
    open.step(batch, keep);
    open.flush(keep);
    return output;
  };
}

function difference(got: Float32Array, expected: Float32Array): number {
  let error = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (got[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return got.length === expected.length ? Math.sqrt(error / size) : Number.NaN;
}

interface Entry {
  readonly name: string;
  readonly peer: Peer | undefined;
  /** How many it runs on (default 1). */
  readonly threads?: number;
  /** Its share of the whole work; others do all of it. */
  readonly share?: number;
  /** Compares its output with ours. */
  readonly agrees?: (output: Float32Array, own: Float32Array) => number;
}

/** Milliseconds of the whole work for each entry that is there; none whose output is another. */
async function timed(entries: readonly Entry[], peak: Contender) {
  const present = entries.filter((entry): entry is Entry & { peer: Peer } => entry.peer !== undefined);
  for (let i = 0; i < WARM_UPS; i++) await present[0]!.peer();
  const own = Float32Array.from(await present[0]!.peer());
  for (const { name, peer, agrees = difference } of present) {
    const error = agrees(await peer(), own);
    if (!(error <= AGREEMENT)) throw new Error(`${name}: expected our output to ${AGREEMENT}, got ${error}`);
  }
  const contenders = present.map(({ name, peer }) => ({
    name,
    run: async () => {
      const output = peer();
      if (output instanceof Promise) await output;
    },
  }));
  const [peakTiming, ...timings] = await medians([peak, ...contenders], ROUNDS, collectGarbage);
  return {
    peakGflops: PEAK_OPERATIONS / peakTiming!.cpuMs / 1e6,
    timings: present.map(({ name, share = 1, threads = 1 }, i) => {
      const { medianMs, cpuMs } = timings[i]!;
      return { name, wallMs: medianMs / share, ms: (threads === 1 ? cpuMs : medianMs) / share, threads };
    }),
  };
}

/** A table of who took how long for so many operations. */
async function contest(entries: readonly Entry[], operations: number, peak: Contender): Promise<Row[]> {
  const { peakGflops, timings } = await timed(entries, peak);
  const own = timings[0]!;
  return timings.map(({ name, ms, wallMs, threads }) => ({
    contender: name,
    'ms passed': wallMs.toFixed(1),
    'processor ms': threads === 1 ? ms.toFixed(1) : '',
    'GFLOP/s': (operations / ms / 1e6).toFixed(1),
    'of peak': (operations / ms / 1e6 / peakGflops).toFixed(2),
    'time, ours = 1': (ms / (threads === 1 ? own.ms : own.wallMs)).toFixed(2),
  }));
}

const QUERIES = 64;
const KEYS = 65_536;

async function streamed(peak: Contender): Promise<Result> {
  const rows: Rows = { q: drawn(QUERIES * D, 1, 4), k: drawn(KEYS * D, 2), v: drawn(KEYS * D, 3) };
  const shape = { heads: 1, width: D };
  const opened = (threads: number, keys = KEYS, backend?: Backend) => {
    const operator = crossAttention({ keyDim: D, valueDim: D, queries: rows.q, threads });
    const part = { k: rows.k.subarray(0, keys * D), v: rows.v.subarray(0, keys * D) };
    return ours(operator, batchOf(operator.description.inputs, part, keys), 'o', backend);
  };
  const twinKeys = KEYS / 16;
  const entries: Entry[] = [
    { name: 'chunkwise', peer: opened(1) },
    { name: 'chunkwise, 2 threads', peer: opened(2), threads: 2 },
    { name: 'onnxruntime Attention', peer: await onnxAttention(rows, shape) },
    { name: 'onnxruntime MultiHeadAttention', peer: await onnxMultiHead(rows, shape) },
    { name: 'onnxruntime Attention, 2 threads', peer: await onnxAttention(rows, shape, 2), threads: 2 },
    { name: 'tfjs wasm', peer: await tfjsAttention(rows, shape) },
    { name: 'TypeScript twin', peer: opened(1, twinKeys, 'typescript'), share: 1 / 16, agrees: () => 0 },
  ];
  return {
    title: `${QUERIES} queries over ${KEYS} keys that stream past, one head, ${D} wide`,
    rows: await contest(entries, 4 * QUERIES * KEYS * D, peak),
  };
}

const WINDOW = 512;
const HEADS = 4;
const WINDOW_ROWS = 16_384;
const GROUP_QUERY_ROWS = 4096;

async function windowed(peak: Contender): Promise<Result[]> {
  const width = HEADS * D;
  const shape = { heads: HEADS, width: D };
  const rowsFor = (T: number): Rows => ({
    q: drawn(T * width, 4, 4),
    k: drawn(T * width, 5),
    v: drawn(T * width, 6),
  });
  const opened = (rows: Rows, threads: number, backend?: Backend) => {
    const options = { heads: HEADS, keyDim: D, valueDim: D, windowRows: WINDOW, threads };
    const operator = causalAttention(options);
    const batch = batchOf(operator.description.inputs, { ...rows }, rows.q.length / width);
    return ours(operator, batch, 'o', backend);
  };
  /** Compares the last block, which is all that the peers keep, as [H, block, D]. */
  const lastBlock = (block: number) => (got: Float32Array, own: Float32Array) => {
    const T = own.length / width;
    const expected = Float32Array.from(got, (_, at) => {
      const [h, t, i] = [Math.floor(at / (block * D)), Math.floor(at / D) % block, at % D];
      return own[((T - block + t) * HEADS + h) * D + i]!;
    });
    return difference(got, expected);
  };
  const rows = rowsFor(WINDOW_ROWS);
  const twinRows = 1024;
  const blocks = await Promise.all(
    [32, 64, 128, 256].map(async (block) => ({
      name: `onnxruntime Attention, blocks of ${block}`,
      peer: await onnxWindow(rows, shape, WINDOW, block),
      agrees: lastBlock(block),
    })),
  );
  const entries: Entry[] = [
    { name: 'chunkwise', peer: opened(rows, 1) },
    { name: 'chunkwise, 2 threads', peer: opened(rows, 2), threads: 2 },
    ...blocks,
    {
      name: 'tfjs wasm, blocks of 64',
      peer: await tfjsWindow(rows, shape, WINDOW, 64),
      agrees: lastBlock(64),
    },
    {
      name: 'TypeScript twin',
      peer: opened(rowsFor(twinRows), 1, 'typescript'),
      share: pairs(twinRows) / pairs(WINDOW_ROWS),
      agrees: () => 0,
    },
  ];
  const few = rowsFor(GROUP_QUERY_ROWS);
  const grouped: Entry[] = [
    { name: 'chunkwise', peer: opened(few, 1) },
    { name: 'onnxruntime GroupQueryAttention', peer: await onnxGroupQuery(few, shape, WINDOW) },
  ];
  const title = (T: number) => `Causal window of ${WINDOW} over ${T} rows, ${HEADS} heads, ${D} wide`;
  return [
    { title: title(WINDOW_ROWS), rows: await contest(entries, 4 * width * pairs(WINDOW_ROWS), peak) },
    {
      title: title(GROUP_QUERY_ROWS),
      rows: await contest(grouped, 4 * width * pairs(GROUP_QUERY_ROWS), peak),
    },
  ];
}

/** Rows and keys that meet in a window. */
const pairs = (T: number) => T * WINDOW - (Math.min(T, WINDOW) * (WINDOW - 1)) / 2;

const NUMBERS = 1e7;
/** Peers that add up ten million numbers in float32 are this far off, at most: the table says how far. */
const ROUGH = 1e-2;

async function wide(peak: Contender): Promise<Result> {
  const x = drawn(NUMBERS, 7, 10);
  const opened = (numbers: number, backend?: Backend) => {
    const operator = softmax({ dim: numbers });
    const batch = batchOf(operator.description.inputs, { x: x.subarray(0, numbers) }, 1);
    return ours(operator, batch, 'p', backend);
  };
  const errors = new Map<string, number>();
  /** An entry whose error against the float64 reference is noted. */
  const noted = (name: string, peer: Peer | undefined, numbers = NUMBERS): Entry => {
    const expected = Float32Array.from(naives.softmax({ dim: numbers }, { x: x.subarray(0, numbers) }).p);
    const agrees = (got: Float32Array) => {
      errors.set(name, difference(got.slice(), expected));
      return errors.get(name)! <= ROUGH ? 0 : Number.NaN;
    };
    return { name, peer, agrees, share: numbers / NUMBERS };
  };
  const passes = await softmaxPasses(x);
  const entries: Entry[] = [
    noted('chunkwise', opened(NUMBERS)),
    noted('its kernel alone: one e^x a number', passes.onePowerEach, passes.numbers),
    noted('two passes, in the same place', passes.twoPasses, passes.numbers),
    noted('onnxruntime Softmax', await onnxSoftmax(x)),
    noted('tfjs wasm', await tfjsSoftmax(x)),
    { name: 'TypeScript twin', peer: opened(NUMBERS / 10, 'typescript'), share: 0.1, agrees: () => 0 },
    { name: 'a plain copy', peer: () => x.slice(), agrees: () => 0 },
  ];
  const { timings } = await timed(entries, peak);
  const copyMs = timings.at(-1)!.ms;
  return {
    title: `Softmax of ${NUMBERS} numbers in one row`,
    rows: timings.map(({ name, ms }) => ({
      contender: name,
      'processor ms': ms.toFixed(1),
      'GB/s in and out': ((8 * NUMBERS) / ms / 1e6).toFixed(1),
      'time, ours = 1': (ms / timings[0]!.ms).toFixed(2),
      'time, copy = 1': (ms / copyMs).toFixed(2),
      'relative error': errors.get(name)?.toExponential(1) ?? '',
    })),
  };
}

async function ragged(peak: Contender): Promise<Result> {
  const heads = 8;
  const kvHeads = 2;
  const lengths = Array.from(drawn(200, 8), (u) => Math.max(1, Math.floor(100_000 ** Math.abs(u))));
  lengths.push(100_000);
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    offsets[i + 1] = offsets[i]! + length;
  });
  const keys = offsets.at(-1)!;
  const rows = {
    q: drawn(lengths.length * heads * D, 9, 4),
    k: { offsets, values: drawn(keys * kvHeads * D, 10) },
    v: { offsets, values: drawn(keys * kvHeads * D, 11) },
  };
  const opened = (threads: number) => {
    const operator = decodeAttention({ heads, kvHeads, keyDim: D, valueDim: D, threads });
    return ours(operator, batchOf(operator.description.inputs, rows, lengths.length), 'o');
  };
  const entries: Entry[] = [1, 2].map((threads) => ({
    name: `${threads} threads`,
    peer: opened(threads),
    threads,
  }));
  const found = await contest(entries, 4 * heads * keys * D, peak);
  return {
    title: `${lengths.length} rows over 1 to 100,000 keys of their own (${keys} in all), ${heads} heads sharing ${kvHeads}`,
    rows: found.map((row, i) => {
      const tiles = tilesOfThreads(lengths, i + 1);
      const mean = tiles.reduce((a, b) => a + b, 0) / tiles.length;
      return { ...row, 'busiest thread, mean tiles = 1': (Math.max(...tiles) / mean).toFixed(4) };
    }),
  };
}

const STREAM_ROWS = 1_000_000;
const STREAM_BATCH_ROWS = 4000;

/** A million keys pass: rows a second, and the memory that is in use, along the way. */
function flat(): Result {
  const operator = crossAttention({ keyDim: D, valueDim: D, queries: drawn(16 * D, 12, 4) });
  const types = operator.description.inputs as ArrayTypes;
  const part = { k: drawn(STREAM_BATCH_ROWS * D, 13), v: drawn(STREAM_BATCH_ROWS * D, 14) };
  const batch = batchOf(types, part, STREAM_BATCH_ROWS);
  const open = operator.open();
  const rows: Row[] = [];
  let passed = 0;
  for (const upTo of [4000, 100_000, 300_000, STREAM_ROWS]) {
    const startMs = performance.now();
    const from = passed;
    for (; passed < upTo; passed += STREAM_BATCH_ROWS) open.step(batch, () => {});
    rows.push({
      'keys so far': passed,
      'keys/s since the last line': Math.round((1000 * (passed - from)) / (performance.now() - startMs)),
      'state bytes': open.snapshot().length,
      'resident MB': Math.round(process.memoryUsage().rss / 1e6),
    });
  }
  return { title: `16 queries over a million keys, ${String(arrowType(types.k!))} each`, rows };
}

export async function bench(): Promise<Result[]> {
  const peak = { name: 'peak', run: await peakRun() };
  return [await streamed(peak), ...(await windowed(peak)), await wide(peak), await ragged(peak), flat()];
}
