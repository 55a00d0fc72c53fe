/**
 * Tomorrow's weather from days like today: each day attends to the days of the last year, and to the first 60 days of
 * the stream as sinks, by how much their weather was like its own, and takes the mean of what came after them.
 *
 *   node --import tsx examples/10-window.ts [window.svg]
 *
 * Prints:
 *   1461 days, each over 365 before it and 60 sinks, a state of 14528 bytes
 *   mean error of the highest temperature, 2013 to 2015: 2.12 °C, of 'as today' 2.23 °C
 *   the last 100 days, measured and foretold a day before
 *   …
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import asciichart from 'asciichart';
import { applyTo, causalAttention, f32, fromColumns } from 'chunkwise';

const [, ...lines] = readFileSync('node_modules/vega-datasets/data/seattle-weather.csv', 'utf8')
  .trim()
  .split('\n');
const highest = lines.map((line) => Number(line.split(',')[2]));
const T = highest.length;

/** What a day is like: the last three highest temperatures and the time of the year. */
function likeness(day: number): number[] {
  const [mean, spread] = [16, 8];
  const recent = [0, 1, 2].map((back) => (highest[Math.max(0, day - back)]! - mean) / spread);
  const angle = (2 * Math.PI * day) / 365.25;
  return [...recent, Math.sin(angle), Math.cos(angle)];
}

const features = 5;
const keyDim = features + 1;
const windowRows = 365;
const sinkRows = 60;
const nearness = 6;

/** q . k is then nearness (|a|² - |a - b|²) / 2: the nearer a past day b, the more it counts for today, a. */
const asQuery = (a: number[]) => [...a, 1];
const asKey = (b: number[]) => [...b, -b.reduce((sum, x) => sum + x * x, 0) / 2];

const days = Array.from({ length: T }, (_, day) => day);
const rowsOf = (row: (day: number) => number[]) => Float32Array.from(days.flatMap(row));
const batch = fromColumns({
  q: { type: f32(keyDim), values: rowsOf((day) => asQuery(likeness(day))) },
  // A day is found by what was known the evening before, and tells how much warmer it then became.
  k: { type: f32(keyDim), values: rowsOf((day) => asKey(likeness(Math.max(0, day - 1)))) },
  v: { type: f32(1), values: rowsOf((day) => [highest[day]! - highest[Math.max(0, day - 1)]!]) },
});

const attention = causalAttention({ keyDim, valueDim: 1, windowRows, sinkRows, scale: nearness });
const change = applyTo(batch, attention).batches[0]!.getChild('o')!;
/** What was foretold for a day, from the day before. */
const foretold = days.map((day) =>
  day === 0 ? highest[0]! : highest[day - 1]! + (change.get(day - 1) as { get(i: number): number }).get(0),
);

const judged = days.filter((day) => day > windowRows);
const meanError = (guess: (day: number) => number) =>
  judged.reduce((sum, day) => sum + Math.abs(guess(day) - highest[day]!), 0) / judged.length;
console.log(
  `${T} days, each over ${windowRows} before it and ${sinkRows} sinks, a state of ${attention.stateBytes} bytes`,
);
console.log(
  `mean error of the highest temperature, 2013 to 2015: ${meanError((day) => foretold[day]!).toFixed(2)} °C, ` +
    `of 'as today' ${meanError((day) => highest[day - 1]!).toFixed(2)} °C`,
);

const shown = days.slice(-100);
const series = [shown.map((day) => highest[day]!), shown.map((day) => foretold[day]!)];
console.log('\nthe last 100 days, measured and foretold a day before');
const colors = process.stdout.isTTY ? [asciichart.default, asciichart.lightblue] : [];
console.log(asciichart.plot(series, { height: 12, colors }));

const [width, height, left, top] = [960, 360, 48, 48];
const x = (i: number) => left + (i * (width - left - 24)) / (shown.length - 1);
const y = (celsius: number) => height - 36 - (celsius * (height - top - 36)) / 30;
const path = (values: readonly number[]) =>
  values.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join('');
const grid = [0, 10, 20, 30].map(
  (celsius) =>
    `<path d="M${left} ${y(celsius)}H${width - 24}" stroke="#d8dee4"/>` +
    `<text x="${left - 8}" y="${y(celsius) + 4}" text-anchor="end">${celsius} °C</text>`,
);
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#57606a">
<rect width="100%" height="100%" fill="white"/>
<text x="${left}" y="26" font-size="16" fill="#1f2328">Highest temperature in Seattle, the last 100 days of 2015</text>
${grid.join('\n')}
<path d="${path(series[1]!)}" fill="none" stroke="#e8590c" stroke-width="2"/>
<path d="${path(series[0]!)}" fill="none" stroke="#1f2328" stroke-width="1.5"/>
<text x="${width - 24}" y="26" text-anchor="end"><tspan fill="#1f2328">measured</tspan>  <tspan fill="#e8590c">foretold the day before</tspan></text>
<text x="${left}" y="${height - 12}">September</text><text x="${width - 24}" y="${height - 12}" text-anchor="end">31 December</text>
</svg>
`;
writeFileSync(process.argv[2] ?? join(tmpdir(), 'chunkwise-window.svg'), svg);
