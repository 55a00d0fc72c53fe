/**
 * HyperAttention against exact attention, from a thousand rows to 65,536: time and error.
 *
 *   npm run bench -- hyper-attention
 *
 * One head, vectors of 64, one thread, by the processor time it takes, which other programs change little. Exact
 * attention is `crossAttention` over the same keys, asked by every so-many-th row only: its time is for so many
 * queries, multiplied up, and the errors are those of these rows. Rows are drawn around 64 centres: attention is
 * concentrated, as trained models make it, and hashes find what belongs together; or around none, which nothing but
 * samples helps against.
 */
import { fileURLToPath } from 'node:url';
import type { RecordBatch } from 'apache-arrow';
import { plot } from 'asciichart';
import { crossAttention, hyperAttention } from '../operators/index.js';
import { fromColumns } from '../src/batches.js';
import { f32 } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import { nextNormal, seedRandom } from '../src/random.js';
import { medians } from './support/medians.js';
import { keep, print, type Result, type Row } from './support/results.js';

const WIDTH = 64;
const CENTRES = 64;
const LENGTHS = [1024, 2048, 4096, 8192, 16384, 32768, 65536];
const QUERIES = 512;
const SAMPLES = [0, 256, 1024];
const rounds = (n: number) => (n > 8192 ? 3 : 7);

type Rows = Readonly<Record<'q' | 'k' | 'v', Float32Array>>;

/** Rows whose q, k and v belong to one of some centres; without centres they belong to nothing. */
function rowsAround(centres: number, n: number): Rows {
  const random = new Uint32Array(4);
  seedRandom(random, n);
  const normals = (count: number) => Float32Array.from({ length: count }, () => nextNormal(random));
  const shared = { q: normals(centres * WIDTH), v: normals(centres * WIDTH) };
  const around = (centre: Float32Array) =>
    normals(n * WIDTH).map((x, i) => {
      const [row, c] = [Math.floor(i / WIDTH), i % WIDTH];
      return centres === 0 ? x : 0.5 * x + centre[((row * 37) % centres) * WIDTH + c]!;
    });
  return { q: around(shared.q), k: around(shared.q), v: around(shared.v) };
}

const batchOf = (rows: Partial<Rows>): RecordBatch =>
  fromColumns(
    Object.fromEntries(Object.entries(rows).map(([role, values]) => [role, { type: f32(WIDTH), values }])),
  );

/** One whole sequence: in at once, its answer at the end. */
function answer(operator: Operator, batch: RecordBatch): Float32Array {
  const open = operator.open();
  let output = new Float32Array();
  const emit = (emitted: RecordBatch) => {
    output = emitted.getChild('o')!.data[0]!.children[0]!.values as Float32Array<ArrayBuffer>;
  };
  open.step(batch, emit);
  open.flush(emit);
  return output;
}

/** The rows that ask exact attention, spread over the sequence. */
function askedOf(x: Float32Array): Float32Array {
  const apart = x.length / (QUERIES * WIDTH);
  return Float32Array.from({ length: QUERIES * WIDTH }, (_, i) => {
    const row = Math.floor(i / WIDTH) * apart;
    return x[row * WIDTH + (i % WIDTH)]!;
  });
}

function relativeError(got: Float32Array, expected: Float32Array): number {
  return Math.hypot(...got.map((x, i) => x - expected[i]!)) / Math.hypot(...expected);
}

const sizes = { keyDim: WIDTH, valueDim: WIDTH };
const exactFor = ({ q }: Rows) => crossAttention({ ...sizes, queries: askedOf(q) });

async function times(n: number): Promise<Row> {
  const rows = rowsAround(CENTRES, n);
  const batch = batchOf(rows);
  const contenders = {
    exact: [exactFor(rows), batchOf({ k: rows.k, v: rows.v })],
    hyper: [hyperAttention({ ...sizes, maxRows: n }), batch],
    causal: [hyperAttention({ ...sizes, maxRows: n, causal: true }), batch],
  } as const;
  const timings = await medians(
    Object.entries(contenders).map(([name, [operator, of]]) => ({
      name,
      run: () => void answer(operator, of),
    })),
    rounds(n),
  );
  const [exact, hyper, causal] = timings.map(({ cpuMs }) => cpuMs);
  const exactMs = (exact! * n) / QUERIES;
  return {
    rows: n,
    'exact ms': exactMs,
    'hyper ms': hyper!,
    'hyper causal ms': causal!,
    'x exact': exactMs / hyper!,
    'hyper µs a row': (1000 * hyper!) / n,
    'causal µs a row': (1000 * causal!) / n,
  };
}

function errors(n: number): Row {
  const cells = [CENTRES, 0].flatMap((centres) => {
    const rows = rowsAround(centres, n);
    const exact = answer(exactFor(rows), batchOf({ k: rows.k, v: rows.v }));
    return SAMPLES.map((sampleRows) => {
      const got = answer(hyperAttention({ ...sizes, maxRows: n, sampleRows }), batchOf(rows));
      const about = centres > 0 ? `${centres} centres` : 'none';
      return [`${about}, ${sampleRows} samples`, relativeError(askedOf(got), exact)] as const;
    });
  });
  return { rows: n, ...Object.fromEntries(cells) };
}

const COLUMNS = 9;

/** Powers of two, a length after the other, each some columns wide. */
function drawn(rows: readonly Row[], names: readonly string[], unit: string): string {
  const series = names.map((name) =>
    rows.flatMap((row) => new Array<number>(COLUMNS).fill(Math.log2(Number(row[name])))),
  );
  const format = (x: number) => (2 ** x).toPrecision(2).padStart(9);
  return `${plot(series, { height: 12, format })}\n${unit}: ${names.join(', ')}; rows ${LENGTHS.join(', ')}`;
}

export async function bench(): Promise<Result[]> {
  const timed: Row[] = [];
  for (const n of LENGTHS) timed.push(await times(n));
  const wrong = LENGTHS.map(errors);
  return [
    {
      title: `HyperAttention, blocks of 256 rows and 256 samples, and exact attention of all rows (from ${QUERIES} queries)`,
      rows: timed,
      plot: drawn(
        timed,
        ['exact ms', 'hyper causal ms', 'hyper ms'],
        'milliseconds of the processor, from above',
      ),
    },
    {
      title: 'Relative error of the outputs against exact attention, by what rows lie around and by samples',
      rows: wrong,
      plot: drawn(
        wrong,
        [0, 256, 1024].map((s) => `${CENTRES} centres, ${s} samples`),
        'relative error',
      ),
    },
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await bench();
  for (const result of results) print(result);
  keep('hyper-attention', results);
}
