/**
 * What attention looks at: four years of Seattle's weather, week by week, and how much each week counts for each later
 * one. Where values are unit vectors, outputs are the weights themselves. Drawn as four maps in one picture.
 *
 *   node --import tsx examples/11-attention-map.ts [map.svg]
 *
 * Prints:
 *   208 weeks, 4 maps
 *   all weeks before                 a week 52 weeks back counts 4.0 times as much as one 26 weeks back
 *   a window of 26 weeks and 8 sinks 45.0 % of the last week's weight is on the sinks
 *   alibi, half as much a quarter    half of the weight lies within 4 weeks
 *   rain makes forget                half of the weight lies within 3 weeks
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alibi, applyTo, type CausalAttentionOptions, causalAttention, f32, fromColumns } from 'chunkwise';

const [, ...lines] = readFileSync('node_modules/vega-datasets/data/seattle-weather.csv', 'utf8')
  .trim()
  .split('\n');
const days = lines.map((line) => line.split(',').slice(1, 5).map(Number));
const sensors = 4; // precipitation, highest and lowest temperature, wind
const T = Math.floor(days.length / 7);

/** Means of weeks, each sensor shifted and scaled to mean 0 and spread 1. */
function weeks(): number[][] {
  const means = Array.from({ length: T }, (_, week) =>
    Array.from({ length: sensors }, (_, i) => {
      const own = days.slice(7 * week, 7 * week + 7);
      return own.reduce((sum, day) => sum + day[i]!, 0) / own.length;
    }),
  );
  const mean = (f: (week: number[]) => number) => means.reduce((sum, week) => sum + f(week), 0) / T;
  const centers = Array.from({ length: sensors }, (_, i) => mean((week) => week[i]!));
  const spreads = centers.map((center, i) => Math.sqrt(mean((week) => (week[i]! - center) ** 2)));
  return means.map((week) => week.map((x, i) => (x - centers[i]!) / spreads[i]!));
}

const standard = weeks();
const rain = standard.map(([precipitation]) => Math.max(0, precipitation!));
const near = (week: number[]) => -week.reduce((sum, x) => sum + x * x, 0) / 2;
const keyDim = sensors + 1;
const batch = fromColumns({
  q: { type: f32(keyDim), values: Float32Array.from(standard.flatMap((week) => [...week, 1])) },
  k: { type: f32(keyDim), values: Float32Array.from(standard.flatMap((week) => [...week, near(week)])) },
  v: { type: f32(T), values: Float32Array.from({ length: T * T }, (_, i) => (i % (T + 1) === 0 ? 1 : 0)) },
  g: { type: f32(1), values: Float32Array.from(rain, (more) => -more / 4) },
});

/** The weights [T, T]: row t holds what each week counts for week t. */
function weights(options: Partial<CausalAttentionOptions>): Float32Array {
  const attention = causalAttention({ keyDim, valueDim: T, scale: 1, ...options });
  const out = applyTo(batch, attention).batches[0]!.getChild('o')!;
  return out.data[0]!.children[0]!.values as Float32Array;
}

const maps = [
  { title: 'all weeks before', of: weights({ maxRows: T }) },
  { title: 'a window of 26 weeks and 8 sinks', of: weights({ windowRows: 26, sinkRows: 8 }) },
  { title: 'alibi, half as much a quarter', of: weights({ maxRows: T, bias: alibi([Math.LN2 / 13]) }) },
  { title: 'rain makes forget', of: weights({ maxRows: T, forget: true }) },
];

/** The mean weight that lies `distance` weeks back, over all weeks that reach so far. */
const weightAt = (map: Float32Array, distance: number) => {
  let sum = 0;
  for (let t = distance; t < T; t++) sum += map[t * T + t - distance]!;
  return sum / (T - distance);
};

/** How many weeks back half of the weight lies, over the last year. */
function halfWithin(map: Float32Array): number {
  for (let distance = 0; ; distance++) {
    let sum = 0;
    for (let t = T - 52; t < T; t++)
      for (let back = 0; back <= distance; back++) sum += map[t * T + t - back]!;
    if (sum >= 26) return distance;
  }
}

const last = maps[1]!.of.subarray((T - 1) * T);
const onSinks = last.subarray(0, 8).reduce((sum, weight) => sum + weight, 0);
const times = weightAt(maps[0]!.of, 52) / weightAt(maps[0]!.of, 26);
const findings = [
  `a week 52 weeks back counts ${times.toFixed(1)} times as much as one 26 weeks back`,
  `${(100 * onSinks).toFixed(1)} % of the last week's weight is on the sinks`,
  ...maps.slice(2).map(({ of }) => `half of the weight lies within ${halfWithin(of)} weeks`),
];
console.log(`${T} weeks, ${maps.length} maps`);
maps.forEach(({ title }, i) => {
  console.log(`${title.padEnd(32)} ${findings[i]}`);
});

/** From dark to bright: magma, in 32 steps between these. */
const ramp = ['#0b0924', '#3b0f70', '#8c2981', '#de4968', '#fe9f6d', '#fcfdbf'];
const levels = 32;
function color(level: number): string {
  const at = (level / (levels - 1)) * (ramp.length - 1);
  const [from, to] = [ramp[Math.floor(at)]!, ramp[Math.ceil(at)]!];
  const channel = (i: number) => {
    const [a, b] = [from, to].map((hex) => Number.parseInt(hex.slice(i, i + 2), 16));
    return Math.round(a! + (b! - a!) * (at % 1));
  };
  return `rgb(${channel(1)},${channel(3)},${channel(5)})`;
}

/** Weights from a ten thousandth up are told apart, by their logarithm. */
const levelOf = (weight: number) =>
  Math.max(0, Math.min(levels - 1, Math.floor(levels * (1 + Math.log10(Math.max(weight, 1e-9)) / 3.2))));

/** A map as one path of unit squares a level, runs of a row joined. */
function drawn(map: Float32Array): string {
  const paths = new Array<string>(levels).fill('');
  for (let t = 0; t < T; t++) {
    for (let j = 0; j <= t; ) {
      const level = levelOf(map[t * T + j]!);
      let end = j + 1;
      while (end <= t && levelOf(map[t * T + end]!) === level) end++;
      if (level > 0) paths[level] += `M${j} ${t}h${end - j}v1H${j}z`;
      j = end;
    }
  }
  return paths.flatMap((d, level) => (d === '' ? [] : [`<path d="${d}" fill="${color(level)}"/>`])).join('');
}

const [size, gap, top] = [2 * T, 40, 96];
const panels = maps.map(({ title, of }, i) => {
  const [left, above] = [gap + (i % 2) * (size + gap), top + Math.floor(i / 2) * (size + gap + 24)];
  const years = [2012, 2013, 2014, 2015].map(
    (year, n) => `<text x="${n * 104 + 52}" y="${size + 16}" text-anchor="middle">${year}</text>`,
  );
  return `<g transform="translate(${left} ${above})"><text y="-8" fill="#f0f0f5" font-size="15">${title}</text>
<path d="M0 0L${size} ${size}H0z" fill="${color(0)}"/><g transform="scale(2)" shape-rendering="crispEdges">${drawn(of)}</g>${years.join('')}</g>`;
});
const [width, height] = [2 * size + 3 * gap, top + 2 * (size + gap + 24)];
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#9a9ab0">
<rect width="100%" height="100%" fill="#05040f"/>
<text x="${gap}" y="36" fill="#fcfdbf" font-size="22">What each week of Seattle's weather looks back at</text>
<text x="${gap}" y="58">Every row is a week, from 2012 at the top to 2015; bright are the earlier weeks that count most for it.</text>
${panels.join('\n')}
</svg>
`;
writeFileSync(process.argv[2] ?? join(tmpdir(), 'chunkwise-attention-map.svg'), svg);
