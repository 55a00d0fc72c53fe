/**
 * Linear recurrences with gates that the rows bring along, against what else JavaScript can run them with.
 *
 *   npm ci --prefix bench && npm run bench -- linear
 *
 * All contenders get the same packed rows, carry their state from call to call, make their output anew, and run on one
 * thread: ours as an operator over Arrow batches, its TypeScript twin, onnxruntime-node and TensorFlow.js. One call
 * each in turn, so that what disturbs the machine disturbs all of them.
 */
import { fileURLToPath } from 'node:url';
import { Field, type RecordBatch, Schema } from 'apache-arrow';
import { plot } from 'asciichart';
import * as operators from '../operators/index.js';
import { arrowType, columnData, newBatch } from '../src/columns.js';
import type { Backend } from '../src/kernels/kernel.js';
import type { ArrayType } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import {
  H,
  K,
  operationsPerRow,
  type Rule,
  type RuleRows,
  rowsFor,
  ruleLabel,
  rules,
  V,
} from './support/linear-rules.js';
import { type Contender, medians } from './support/medians.js';
import { onnxLinear } from './support/onnx-linear.js';
import { PEAK_OPERATIONS, peakRun } from './support/peak.js';
import type { Peer } from './support/peers.js';
import { keep, print, type Result, type Row } from './support/results.js';
import { tfjsLinear } from './support/tfjs-linear.js';

const BATCH_ROWS = [1, 64, 256, 1024, 16384];
/** The twin takes its rows in batches of at most so many: it is slow, and no slower in longer ones. */
const TWIN_BATCH_ROWS = 256;
/** Calls are repeated until a sample takes about so long. */
const SAMPLE_MS = 8;
/** Before it is measured, so that the compiler has had its say. */
const WARM_UP_MS = 60;
const rounds = (T: number) => (T > 1024 ? 9 : 15);

type Make = (options: { heads: number; keyDim: number; valueDim: number }) => Operator;

/** The operator, where this tree exports it. */
function operatorFor({ operator }: Rule): Operator | undefined {
  const make = (operators as Readonly<Record<string, unknown>>)[operator] as Make | undefined;
  return make?.({ heads: H, keyDim: K, valueDim: V });
}

function batchOf({ description: { inputs } }: Operator, rows: RuleRows, T: number): RecordBatch {
  const types = Object.entries(inputs) as [string, ArrayType][];
  const schema = new Schema(types.map(([role, type]) => new Field(role, arrowType(type), false)));
  const columns = types.map(([role, type]) => {
    const values = rows[role]!;
    return columnData(type, type.dtype === 'f64' ? Float64Array.from(values) : values, T);
  });
  return newBatch(schema, T, columns);
}

/** Steps through one batch again and again, its state going on. */
function ours(operator: Operator, rows: RuleRows, T: number, backend: Backend): Peer {
  const batch = batchOf(operator, rows, T);
  const open = operator.open({ backend });
  return () => {
    let output = new Float32Array();
    open.step(batch, (emitted) => {
      output = emitted.getChild('o')!.data[0]!.children[0]!.values as Float32Array<ArrayBuffer>;
    });
    return output;
  };
}

const AGREEMENT = 1e-5;

/** No number without equal results: each peer's first two outputs must be ours. */
async function verify(operator: Operator, rule: Rule): Promise<void> {
  const T = 64;
  const rows = rowsFor(rule, T);
  const own = ours(operator, rows, T, 'wasm');
  const expected = [await own(), await own()];
  for (const [name, open] of Object.entries({ 'onnxruntime-node': onnxLinear, 'tfjs wasm': tfjsLinear })) {
    const peer = await open(rule, rows, T);
    for (const values of peer === undefined ? [] : expected) {
      const got = await peer!();
      const error = Math.hypot(...values.map((x, i) => x - got[i]!)) / Math.hypot(...values);
      if (!(error <= AGREEMENT)) {
        throw new Error(`${name}, ${ruleLabel(rule)}: expected our output to ${AGREEMENT}, got ${error}`);
      }
    }
  }
}

/** A contender and how many rows it takes in one sample. */
interface Repeated extends Contender {
  readonly rows: number;
}

async function repeated(name: string, peer: Peer, T: number): Promise<Repeated> {
  const untilMs = performance.now() + WARM_UP_MS;
  do await peer();
  while (performance.now() < untilMs);
  const startMs = performance.now();
  await peer();
  const calls = Math.max(1, Math.round(SAMPLE_MS / (performance.now() - startMs)));
  const run = async () => {
    for (let call = 0; call < calls; call++) {
      const output = peer();
      if (output instanceof Promise) await output;
    }
  };
  return { name, run, rows: calls * T };
}

async function contendersFor(operator: Operator, rule: Rule, T: number): Promise<Repeated[]> {
  const rows = rowsFor(rule, T);
  const twinRows = Math.min(T, TWIN_BATCH_ROWS);
  const contenders = [await repeated('chunkwise', ours(operator, rows, T, 'wasm'), T)];
  const twin = ours(operator, rowsFor(rule, twinRows), twinRows, 'typescript');
  contenders.push(await repeated('TypeScript', twin, twinRows));
  const onnx = await onnxLinear(rule, rows, T);
  if (onnx !== undefined) contenders.push(await repeated('onnxruntime', onnx, T));
  const tfjs = await tfjsLinear(rule, rows, T);
  if (tfjs !== undefined) contenders.push(await repeated('tfjs wasm', tfjs, T));
  return contenders;
}

/** A share or a ratio with two digits; a dash where there is nothing to compare with. */
const ratio = (x: number) => (Number.isFinite(x) ? x.toFixed(2) : '–');

async function measure(operator: Operator, rule: Rule, T: number, peak: Contender): Promise<Row> {
  const contenders = await contendersFor(operator, rule, T);
  const [peakTiming, ...timings] = await medians([peak, ...contenders], rounds(T));
  const rowMsOf = (name: string) => {
    const at = contenders.findIndex((contender) => contender.name === name);
    return at < 0 ? Number.NaN : timings[at]!.medianMs / contenders[at]!.rows;
  };
  const rowMs = rowMsOf('chunkwise');
  const gflops = operationsPerRow(rule) / rowMs / 1e6;
  const peakGflops = PEAK_OPERATIONS / peakTiming!.medianMs / 1e6;
  const times = (name: string) => ratio(rowMsOf(name) / rowMs);
  return {
    recurrence: ruleLabel(rule),
    'rows a batch': T,
    'rows/s': Math.round(1000 / rowMs),
    'GFLOP/s': gflops.toFixed(1),
    'of peak': ratio(gflops / peakGflops),
    'x onnxruntime': times('onnxruntime'),
    'x tfjs wasm': times('tfjs wasm'),
    'x TypeScript': times('TypeScript'),
  };
}

async function against(peak: Contender): Promise<Result> {
  const rows: Row[] = [];
  for (const rule of rules) {
    const operator = operatorFor(rule);
    if (operator === undefined) {
      console.error(`bench: ${rule.operator} is not exported and left out`);
      continue;
    }
    await verify(operator, rule);
    for (const T of BATCH_ROWS) rows.push(await measure(operator, rule, T, peak));
  }
  return {
    title:
      `Linear recurrences, ${H} heads of ${K} keys and ${V} values, one thread; how many times as fast as each ` +
      'peer in the same run (below 1: slower)',
    rows,
  };
}

const LENGTHS = [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6];
const STREAM_BATCH_ROWS = 1000;
const WARM_UP_BATCHES = 20;
/** Columns of a plot that one length takes. */
const STEP_COLUMNS = 8;

/** Rows a second over each stretch of one stream, and the bytes of its state behind it. */
function stretches(operator: Operator, batch: RecordBatch) {
  const open = operator.open();
  for (let i = 0; i < WARM_UP_BATCHES; i++) open.step(batch, () => {});
  open.restore(operator.state().bytes);
  let position = 0;
  return LENGTHS.map((length) => {
    const rows = length - position;
    const startMs = performance.now();
    for (; position < length; position += batch.numRows) open.step(batch, () => {});
    const rowsPerSecond = Math.round((1000 * rows) / (performance.now() - startMs));
    return { length, rowsPerSecond, stateBytes: open.snapshot().length };
  });
}

type Stretch = ReturnType<typeof stretches>[number];

function drawn(rule: Rule, along: readonly Stretch[]): string {
  const heights = along.flatMap(({ rowsPerSecond }) => new Array<number>(STEP_COLUMNS).fill(rowsPerSecond));
  const format = (x: number) => x.toFixed(0).padStart(9);
  return `${plot(heights, { height: 4, min: 0, format })}\n${ruleLabel(rule)}, rows/s after ${LENGTHS.join(', ')} rows`;
}

function flat(): Result {
  const found = rules.flatMap((rule) => {
    const operator = operatorFor(rule);
    if (operator === undefined) return [];
    const batch = batchOf(operator, rowsFor(rule, STREAM_BATCH_ROWS), STREAM_BATCH_ROWS);
    return [{ rule, along: stretches(operator, batch) }];
  });
  const rows = found.flatMap(({ rule, along }) =>
    along.map(({ length, rowsPerSecond, stateBytes }) => ({
      recurrence: ruleLabel(rule),
      'rows so far': length,
      'rows/s since the last line': rowsPerSecond,
      'state bytes': stateBytes,
    })),
  );
  return {
    title: `One stream of a million rows in batches of ${STREAM_BATCH_ROWS}`,
    rows,
    plot: found.map(({ rule, along }) => drawn(rule, along)).join('\n\n'),
  };
}

export async function bench(): Promise<Result[]> {
  const peak = { name: 'peak', run: await peakRun() };
  return [await against(peak), flat()];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await bench();
  for (const result of results) print(result);
  keep('linear', results);
}
