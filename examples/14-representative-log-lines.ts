/**
 * A log that is too long to read: the 20 lines of the last 10,000 that stand best for all of them, kept up with every line and
 * shown after every 500, without changing much. Real reports, of 10,000 birds struck by aircraft and then of four years' weather in two cities, are
 * written as log lines; when the birds leave the window, so do their lines.
 *
 * Prints:
 *   12922 lines, a vector of 96 numbers each, compared with 300 lines drawn from the log
 *   10.7 oracle calls a line
 *   208 changes between 26 answers
 *   …
 *   after line 12922, the first 5 of 20, each with how many of the 300 it stands for:
 *     35  2001-01-24 INFO strike: Small Unknown bird - small hit B-737-300 during Approach at PHILADELPHIA INTL, Pennsylvania, Day, damage None
 *   …
 */
import { readFileSync } from 'node:fs';
import {
  applyTo,
  dynamicSubmodular,
  f32,
  facilityLocation,
  fromColumns,
  key,
  sampleRows,
  slidingWindow,
} from 'chunkwise';
import { parse } from 'csv-parse/sync';

const rowsOf = (file: string): Record<string, string>[] =>
  parse(readFileSync(`node_modules/vega-datasets/data/${file}`), { columns: true });

const strikes = rowsOf('birdstrikes.csv')
  .sort((a, b) => (a['Flight Date']! < b['Flight Date']! ? -1 : 1))
  .map((row) => {
    const level = row['Effect Amount of damage'] === 'None' ? 'INFO' : 'WARN';
    const hit = `${row['Wildlife Size']} ${row['Wildlife Species']} hit ${row['Aircraft Make Model']}`;
    const where = `${row['Phase of flight']} at ${row['Airport Name']}, ${row['Origin State']}, ${row['Time of day']}`;
    return `${row['Flight Date']} ${level} strike: ${hit} during ${where}, damage ${row['Effect Amount of damage']}`;
  });
const weather = rowsOf('weather.csv')
  .sort((a, b) => (a.date! < b.date! ? -1 : 1))
  .map(({ date, location, weather: kind, wind, temp_max: high }) => {
    const level = Number(wind) > 8 ? 'WARN' : 'INFO';
    return `${date} ${level} weather: ${kind} in ${location}, high ${high}, wind ${wind}`;
  });
const lines = [...strikes, ...weather];

/** A line as numbers: its words (numbers are all alike) counted by hash, damped, so that like lines have like vectors. */
const dim = 96;
function vectorOf(line: string): Float32Array {
  const vector = new Float32Array(dim);
  for (const word of line
    .toLowerCase()
    .replace(/\d+/g, '#')
    .split(/[^a-z#]+/)) {
    let hash = 7;
    for (const letter of word) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
    vector[(hash >>> 0) % dim]!++;
  }
  return vector.map(Math.sqrt);
}

const features = new Float32Array(lines.length * dim);
for (const [i, line] of lines.entries()) features.set(vectorOf(line), i * dim);
const ground = sampleRows(features, { dim, rows: 300, seed: 4 });
console.log(
  `${lines.length} lines, a vector of ${dim} numbers each, compared with 300 lines drawn from the log\n`,
);

const digest = slidingWindow(
  { windowRows: 10_000 },
  dynamicSubmodular({
    k: 20,
    objective: facilityLocation({ dim, ground }),
    maxElements: 10_000,
    epsilon: 0.3,
  }),
);
const id = BigInt64Array.from(lines, (_, i) => BigInt(i));
const batches = Array.from({ length: Math.ceil(lines.length / 500) }, (_, i) => {
  const [from, to] = [500 * i, Math.min(500 * (i + 1), lines.length)];
  return fromColumns({
    id: { type: key(), values: [...id.slice(from, to)] },
    features: { type: f32(dim), values: features.slice(from * dim, to * dim) },
  });
});

const startMs = performance.now();
const answers = applyTo(batches, digest).batches;
const seconds = (performance.now() - startMs) / 1000;
const numbers = (name: string) => answers.map((batch) => Number(batch.getChild(name)!.get(0)));
const total = (name: string) => numbers(name).reduce((sum, x) => sum + x, 0);
console.log(`${(total('oracleCalls') / lines.length).toFixed(1)} oracle calls a line`);
console.log(`${total('changed')} changes between ${answers.length} answers`);
console.log(`${((1e6 * seconds) / lines.length).toFixed(0)} microseconds a line\n`);

const selected = Array.from(answers.at(-1)!.getChild('selected')!.get(0) as Iterable<bigint>, Number);
const points = Array.from({ length: 300 }, (_, p) => ground.subarray(p * dim, (p + 1) * dim));
const cosine = (x: Float32Array, y: Float32Array) =>
  x.reduce((sum, value, d) => sum + value * y[d]!, 0) / Math.hypot(...x) / Math.hypot(...y);
const standsFor = selected.map(() => 0);
for (const point of points) {
  const likeness = selected.map((line) => cosine(point, vectorOf(lines[line]!)));
  standsFor[likeness.indexOf(Math.max(...likeness))]!++;
}
console.log(`after line ${lines.length}, the first 5 of 20, each with how many of the 300 it stands for:`);
for (const [i, line] of selected.slice(0, 5).entries())
  console.log(`${`${standsFor[i]}`.padStart(4)}  ${lines[line]}`);
