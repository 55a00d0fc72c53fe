/**
 * Which attention can run over a stream, and what the rest costs. The planner reads three ways of writing softmax
 * attention; then 8,735 hours of Seattle's weather are asked which temperature follows days like the one before, by
 * exact attention and by HyperAttention, which computes a small part of the weights.
 *
 * Prints:
 *   softmax attention   passes over the keys   streams   keeps                       waits for
 *   as written          3                      no        M[n] D[n] O[n, v]           M D
 *   divided last        2                      no        M[n] D[n] N[n, v]           M
 *   running maximum     1                      yes       M[n, m] D[n, m] N[n, v, m]
 *
 *   exact attention of 8735 hours, vectors of 72: tiles of 10056 numbers move 265 million, 6.7 times the bound of 39 million
 *
 *   rows a block  sampled rows weights of a row, of all  off from exact, in °C
 *   256           0            2.9 %                     0.64
 *   64            64           1.5 %                     0.74
 *   256           256          5.9 %                     0.35
 *   128           1024         13.2 %                    0.21
 */
import {
  applyTo,
  attentionTraffic,
  collect,
  csvFile,
  dataflow,
  einsumPasses,
  f32,
  fromColumns,
  type HyperAttentionOptions,
  hyperAttention,
  ioBound,
} from 'chunkwise';

const print = (cells: readonly string[], widths: readonly number[]) =>
  console.log(
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('')
      .trimEnd(),
  );

const scores = 'S[n, m] = Q[n, d] * K[m, d]';
const cascades = {
  'as written': `${scores}
    M[n] = max(S[n, m])
    E[n, m] = exp(S[n, m] - M[n])
    D[n] = sum(E[n, m])
    A[n, m] = E[n, m] / D[n]
    O[n, v] = A[n, m] * V[m, v]`,
  'divided last': `${scores}
    M[n] = max(S[n, m])
    E[n, m] = exp(S[n, m] - M[n])
    D[n] = sum(E[n, m])
    N[n, v] = E[n, m] * V[m, v]
    O[n, v] = N[n, v] / D[n]`,
  'running maximum': `${scores}
    M[n, m+1] = max(M[n, m], S[n, m])
    D[n, m+1] = D[n, m] * exp(M[n, m] - M[n, m+1]) + exp(S[n, m] - M[n, m+1])
    N[n, v, m+1] = N[n, v, m] * exp(M[n, m] - M[n, m+1]) + exp(S[n, m] - M[n, m+1]) * V[m, v]
    O[n, v] = N[n, v, last] / D[n, last]`,
};

const planned = [20, 23, 10, 28, 0];
print(['softmax attention', 'passes over the keys', 'streams', 'keeps', 'waits for'], planned);
for (const [name, cascade] of Object.entries(cascades)) {
  const { passes, streams, state, chain } = einsumPasses(cascade).find(({ rank }) => rank === 'm')!;
  print([name, `${passes}`, streams ? 'yes' : 'no', state.join(' '), chain.join(' ')], planned);
}

const hours = collect();
await dataflow('hours')
  .from(csvFile('node_modules/vega-datasets/data/seattle-weather-hourly-normals.csv'))
  .to(hours)
  .run();
const table = hours.table();

/** A sensor's column, its mean 0 and its variance 1. */
function standardized(sensor: string): Float64Array {
  const values = Float64Array.from(table.getChild(sensor)!, Number);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  return values.map((x) => (x - mean) / deviation);
}

const sensors = ['pressure', 'temperature', 'wind'].map(standardized);
const day = 24; // hours
const n = table.numRows - day;
const keyDim = sensors.length * day;

/** The day up to each hour as a vector of length 1: likeness is the cosine. */
const days = new Float32Array(n * keyDim);
for (let t = 0; t < n; t++) {
  const vector = sensors.flatMap((sensor) => Array.from(sensor.subarray(t, t + day)));
  const length = Math.hypot(...vector);
  days.set(
    vector.map((x) => x / length),
    t * keyDim,
  );
}
const nextHour = Float32Array.from(
  { length: n },
  (_, t) => table.getChild('temperature')!.get(t + day) as number,
);
const batch = fromColumns({
  q: { type: f32(keyDim), values: days },
  k: { type: f32(keyDim), values: days },
  v: { type: f32(1), values: nextHour },
});

/** The temperature that follows days like the one before each hour. */
function expected(options: Partial<HyperAttentionOptions>): Float32Array {
  const operator = hyperAttention({ keyDim, valueDim: 1, maxRows: n, scale: 20, ...options });
  const [answer] = applyTo(batch, operator).batches;
  return answer!.getChild('o')!.data[0]!.children[0]!.values as Float32Array;
}

const d = keyDim;
const { numbers, cacheNumbers, ratio } = attentionTraffic({ N: n, d });
const least = ioBound({ N: n, d, M: cacheNumbers });
const millions = (count: number) => `${(count / 1e6).toFixed(0)} million`;
console.log(
  `\nexact attention of ${n} hours, vectors of ${d}: tiles of ${cacheNumbers} numbers move ${millions(numbers)},` +
    ` ${ratio!.toFixed(1)} times the bound of ${millions(least)}\n`,
);

const exact = expected({ blockRows: 65536 });
const widths = [14, 13, 26, 0];
print(['rows a block', 'sampled rows', 'weights of a row, of all', 'off from exact, in °C'], widths);
for (const [blockRows, sampleRows] of [
  [256, 0],
  [64, 64],
  [256, 256],
  [128, 1024],
] as const) {
  const squares = expected({ blockRows, sampleRows }).reduce((sum, x, i) => sum + (x - exact[i]!) ** 2, 0);
  const share = `${((100 * (blockRows + sampleRows)) / n).toFixed(1)} %`;
  print([`${blockRows}`, `${sampleRows}`, share, Math.sqrt(squares / n).toFixed(2)], widths);
}
