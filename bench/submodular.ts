/**
 * Submodular summaries over 1,000 to 1,000,000 live elements: calls, time, worth beside greedy from scratch, changes, memory.
 *
 *   npm run bench -- submodular
 *
 * An update is one insert or one deletion, in turn (by a coin in the random stream): the oldest goes ('window'), anybody
 * ('random'), or one of the present answer ('attack'). `ratio` is the answer's value over that of lazy greedy run on what is
 * live. SIZES=1e3,1e4 runs fewer sizes. Oracle calls are exact; times are processor time, the collector's included.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { plot } from 'asciichart';
import type { Algorithm } from '../operators/submodular/algorithm.js';
import { GreedyAnew } from '../operators/submodular/lazy-greedy.js';
import type { World } from '../operators/submodular/oracle.js';
import { Sieves } from '../operators/submodular/sieves.js';
import {
  defaults,
  exact,
  levels,
  levelsAtOnce,
  levelsOfHighest,
  swap,
} from '../test/support/submodular-algorithms.js';
import { type Measured, measure } from '../test/support/submodular-measure.js';
import {
  coverageData,
  type Data,
  decoyData,
  determinantData,
  facilityData,
  type Stream,
} from '../test/support/submodular-streams.js';
import { lineChart, type Series } from './support/line-chart.js';
import type { Result, Row } from './support/results.js';

const SIZES = (process.env.SIZES ?? '1e3,1e4,1e5,1e6').split(',').map(Number);
/** As many as a stream's runs have time for; what is slow ends after SECONDS_MAX. */
const UPDATES: Readonly<Record<Stream, number>> = { window: 50_000, random: 50_000, attack: 4000 };
const UPDATES_OF_BASELINES = 2000;
const SECONDS_MAX = 8;

const algorithms = {
  dynamicSubmodular: defaults,
  'dynamicSubmodular exact': exact,
  levelSubmodular: levels,
  'levelSubmodular at once': levelsAtOnce,
  'levelSubmodular highest': levelsOfHighest,
  consistentSubmodular: swap,
  'greedy from scratch': (world: World): Algorithm => new GreedyAnew(world),
  'sieve, run again': (world: World): Algorithm =>
    new Sieves(world, {
      ratio: 1.2,
      range: (largest, _best, k) => [largest, 2 * k * largest],
      thresholds: (guess) => [({ value, kept }, k) => (guess / 2 - value) / (k - kept.length)],
      singletonMax: undefined,
      certified: true,
      rerunsAll: false,
    }),
};
type Name = keyof typeof algorithms;

interface Case {
  readonly algorithm: Name;
  readonly stream: Stream;
  readonly k: number;
  readonly most: number;
}

/** Every stream that an algorithm is made for, and the attack on all that can take one. */
const coverageCases: readonly Case[] = [
  ...(['window', 'random', 'attack'] as const).flatMap((stream) => [
    { algorithm: 'dynamicSubmodular' as const, stream, k: 20, most: 1e6 },
    { algorithm: 'dynamicSubmodular' as const, stream, k: 50, most: 1e5 },
  ]),
  { algorithm: 'dynamicSubmodular exact', stream: 'window', k: 20, most: 1e6 },
  { algorithm: 'dynamicSubmodular exact', stream: 'attack', k: 20, most: 1e5 },
  { algorithm: 'levelSubmodular', stream: 'window', k: 20, most: 1e6 },
  { algorithm: 'levelSubmodular', stream: 'random', k: 20, most: 1e5 },
  { algorithm: 'levelSubmodular', stream: 'window', k: 50, most: 1e5 },
  { algorithm: 'levelSubmodular at once', stream: 'attack', k: 20, most: 1e4 },
  { algorithm: 'consistentSubmodular', stream: 'window', k: 20, most: 1e6 },
  { algorithm: 'consistentSubmodular', stream: 'attack', k: 20, most: 1e6 },
  { algorithm: 'greedy from scratch', stream: 'window', k: 20, most: 1e5 },
  { algorithm: 'sieve, run again', stream: 'window', k: 20, most: 1e4 },
];

const otherCases: readonly Case[] = [
  { algorithm: 'dynamicSubmodular', stream: 'window', k: 20, most: 1e5 },
  { algorithm: 'dynamicSubmodular', stream: 'attack', k: 20, most: 1e5 },
  { algorithm: 'levelSubmodular', stream: 'window', k: 20, most: 1e4 },
  { algorithm: 'levelSubmodular highest', stream: 'window', k: 20, most: 1e4 },
  { algorithm: 'consistentSubmodular', stream: 'window', k: 20, most: 1e4 },
  { algorithm: 'consistentSubmodular', stream: 'attack', k: 20, most: 1e4 },
];

interface Found extends Case {
  readonly n: number;
  readonly measured: Measured;
}

function run(cases: readonly Case[], dataFor: (n: number) => Data, sizes: readonly number[]): Found[] {
  return cases.flatMap((one) =>
    sizes
      .filter((n) => n <= one.most)
      .map((n) => {
        const isBaseline = one.algorithm === 'greedy from scratch' || one.algorithm === 'sieve, run again';
        const updates = isBaseline ? UPDATES_OF_BASELINES : UPDATES[one.stream];
        const options = { data: dataFor(n), n, updates, samples: 20, secondsMax: SECONDS_MAX };
        const measured = measure(algorithms[one.algorithm], { ...options, stream: one.stream, k: one.k });
        return { ...one, n, measured };
      }),
  );
}

const rowOf = ({ algorithm, stream, k, n, measured }: Found): Row => ({
  algorithm,
  stream,
  k,
  n,
  updates: measured.updates,
  'calls mean': measured.calls.mean,
  'calls p99': measured.calls.p99,
  'calls max': measured.calls.max,
  'µs mean': measured.microseconds.mean,
  'µs p99': measured.microseconds.p99,
  'µs p99.9': measured.microseconds.p999,
  'µs max': Math.round(measured.microseconds.max),
  'ratio min': measured.ratio.min.toFixed(3),
  'ratio mean': measured.ratio.mean.toFixed(3),
  'changes mean': measured.changes.mean,
  'changes max': measured.changes.max,
  certified: measured.certified.toFixed(3),
  // Below, what the collector leaves behind is more than what there is.
  'bytes an element': n >= 1e5 ? Math.round(measured.bytesPerElement) : '',
});

function seriesOf(found: readonly Found[], stream: Stream, value: (measured: Measured) => number): Series[] {
  const names = [...new Set(found.map(({ algorithm }) => algorithm))];
  return names
    .map((name) => ({
      name,
      points: found
        .filter((one) => one.algorithm === name && one.stream === stream && one.k === 20)
        .map(({ n, measured }) => [n, Math.max(value(measured), 0.01)] as const),
    }))
    .filter(({ points }) => points.length > 1);
}

const callsOf = ({ calls }: Measured) => calls.mean;

/** The same as `lineChart`, for the terminal: log10 of the calls, a column a size. */
function drawn(series: readonly Series[]): string {
  const columns = 12;
  const lines = series.map(({ points }) =>
    points.flatMap(([, y]) => new Array<number>(columns).fill(Math.log10(y))),
  );
  const legend = series.map(({ name }) => name).join(' | ');
  return `log10 of mean calls an update, sizes ${SIZES.join(', ')}\n${plot(lines, { height: 12 })}\n${legend}`;
}

function draw(found: readonly Found[]): void {
  for (const stream of ['window', 'attack'] as const) {
    const charts = {
      calls: { y: 'oracle calls an update', series: seriesOf(found, stream, callsOf) },
      time: {
        y: 'processor microseconds an update',
        series: seriesOf(found, stream, ({ microseconds }) => microseconds.mean),
      },
    };
    for (const [name, { y, series }] of Object.entries(charts)) {
      if (series.length === 0) continue;
      const title = `${y}, coverage, k = 20, ${stream} stream`;
      const path = new URL(`./results/submodular-${stream}-${name}.svg`, import.meta.url);
      writeFileSync(fileURLToPath(path), lineChart({ title, x: 'live elements' }, series));
    }
  }
}

export async function bench(): Promise<Result[]> {
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc') as typeof globalThis.gc;
  const results: Result[] = [];
  const add = (title: string, found: readonly Found[], plotted?: string) => {
    results.push({ title, rows: found.map(rowOf), ...(plotted !== undefined && { plot: plotted }) });
  };
  const onCoverage = run(coverageCases, () => coverageData(), SIZES);
  draw(onCoverage);
  add('Weighted coverage, 8192 items', onCoverage, drawn(seriesOf(onCoverage, 'window', callsOf)));
  const small = SIZES.filter((n) => n <= 1e5);
  add(
    'Facility location, 200 points of 16 numbers',
    run(otherCases, () => facilityData(), small),
  );
  add(
    'Log-determinant, rows of 16 numbers',
    run(
      otherCases,
      () => determinantData(),
      small.filter((n) => n <= 1e4),
    ),
  );
  const decoys = otherCases.filter(({ algorithm }) => !algorithm.startsWith('levelSubmodular'));
  const exact = { algorithm: 'dynamicSubmodular exact', stream: 'attack', k: 20, most: 1e4 } as const;
  add(
    'Decoys: 96 % cover the same, 4 % what nobody else does',
    run(
      [...decoys, exact],
      decoyData,
      small.filter((n) => n <= 1e4),
    ),
  );
  return results;
}
