/**
 * Kernelized and tensor attention: compiled kernels against their TypeScript twins, and one way of computing against
 * the other, by the processor time they take, which other programs change little.
 *
 *   npm run bench -- approximate-attention
 */
import { fileURLToPath } from 'node:url';
import type { RecordBatch } from 'apache-arrow';
import {
  causalTensorAttention,
  kernelizedAttention,
  kernelizedSequence,
  tensorAttention,
} from '../operators/index.js';
import { fromColumns } from '../src/batches.js';
import type { Backend } from '../src/kernels/kernel.js';
import { type ArrayType, f32 } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import { nextUnit, seedRandom } from '../src/random.js';
import { medians } from './support/medians.js';
import { keep, print, type Result, type Row } from './support/results.js';

type Columns = Readonly<Record<string, Float32Array>>;

/** Uniform rows in [-1, 1) for what an operator reads. */
function columnsFor({ description: { inputs } }: Operator, n: number): Columns {
  const random = new Uint32Array(4);
  seedRandom(random, n);
  return Object.fromEntries(
    Object.entries(inputs).map(([role, type]) => [
      role,
      Float32Array.from({ length: n * (type as ArrayType).length }, () => 2 * nextUnit(random) - 1),
    ]),
  );
}

const batchOf = (columns: Columns, n: number): RecordBatch =>
  fromColumns(
    Object.fromEntries(
      Object.entries(columns).map(([role, values]) => [role, { type: f32(values.length / n), values }]),
    ),
  );

/** All rows as one stream, from the first to the end. */
function stream(operator: Operator, n: number, backend: Backend): () => void {
  const batch = batchOf(columnsFor(operator, n), n);
  const open = operator.open({ backend });
  const start = open.snapshot();
  return () => {
    open.restore(start);
    open.step(batch, () => {});
    open.flush(() => {});
  };
}

/** A twin takes fewer rows, and its time is multiplied up. */
const TWIN_ROWS = 256;

async function againstTwin(name: string, operator: Operator, n: number, twinRows: number): Promise<Row> {
  const [own, twin] = await medians(
    [
      { name: 'wasm', run: stream(operator, n, 'wasm') },
      { name: 'twin', run: stream(operator, twinRows, 'typescript') },
    ],
    7,
  );
  const rowUs = (1000 * own!.cpuMs) / n;
  return {
    operator: name,
    rows: n,
    'µs a row': rowUs,
    'x TypeScript': (1000 * twin!.cpuMs) / twinRows / rowUs,
  };
}

async function byFourier(width: number, n: number): Promise<Row> {
  const sizes = { keyDim: width, valueDim: width, features: width, rpe: new Float32Array(2 * n - 1) };
  const operator = kernelizedAttention(sizes);
  const columns = columnsFor(operator, n) as Readonly<Record<'q' | 'k' | 'v', Float32Array>>;
  const [rowByRow, fourier] = await medians(
    [
      { name: 'stream', run: stream(operator, n, 'wasm') },
      { name: 'sequence', run: () => void kernelizedSequence({ ...sizes, causal: true }, columns) },
    ],
    3,
  );
  return {
    'features, values': width,
    rows: n,
    'stream ms': rowByRow!.cpuMs,
    'Fourier ms': fourier!.cpuMs,
    'stream / Fourier': rowByRow!.cpuMs / fourier!.cpuMs,
  };
}

async function kernels(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const windowRows of [64, 512]) {
    const rpe = new Float32Array(2 * windowRows + 1);
    const operator = kernelizedAttention({ keyDim: 64, valueDim: 64, features: 64, rpe });
    rows.push(await againstTwin(`kernelizedAttention, window ${windowRows}`, operator, 4096, TWIN_ROWS));
  }
  const sizes = { keyDim: 8, valueDim: 8 };
  const approximate = { degree: 4, bound: 1 };
  const exact = (n: number) => tensorAttention({ ...sizes, maxRows: n });
  rows.push(await againstTwin('tensorAttention, exact', exact(TWIN_ROWS), TWIN_ROWS, TWIN_ROWS));
  const polynomial = tensorAttention({ ...sizes, maxRows: 4096, approximate });
  rows.push(await againstTwin('tensorAttention, degree 4', polynomial, 4096, TWIN_ROWS));
  const causal = causalTensorAttention({ ...sizes, approximate });
  rows.push(await againstTwin('causalTensorAttention, degree 4', causal, 4096, TWIN_ROWS));
  return rows;
}

export async function bench(): Promise<Result[]> {
  const fourier: Row[] = [];
  for (const width of [8, 16, 32])
    for (const n of [1024, 4096, 16384]) fourier.push(await byFourier(width, n));
  return [
    {
      title:
        'One head, one thread: kernelized attention with 64 features and values, tensor attention with 8 keys and values',
      rows: await kernels(),
    },
    {
      title: 'Kernelized attention over all earlier rows: row by row, and by Fourier transforms',
      rows: fourier,
    },
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await bench();
  for (const result of results) print(result);
  keep('approximate-attention', results);
}
