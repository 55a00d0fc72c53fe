/**
 * Exponential smoothing of many sensor columns at once: four years of Seattle's weather, each sensor remembered with
 * half-lives of a week, a month and a season, by one gated memory.
 *
 * Prints:
 *   1461 days of 4 sensors, 15 memories, a state of 256 bytes
 *   last day        as measured     over 7 days     over 30 days    over 90 days
 *   temp_max        5.6             6.68            11.17           16.03
 *   temp_min        -2.1            1.92            5.21            8.23
 *   wind            3.5             3.72            3.77            3.41
 *   precipitation   0               5.54            6.55            4.38
 *   highest temperature of the day, and what is remembered of it with a half-life of 30 days
 *   …
 */

import type { RecordBatch } from 'apache-arrow';
import asciichart from 'asciichart';
import { collect, csvFile, dataflow, f32, hgrn, numbersOf, stateless, withColumns } from 'chunkwise';

const sensors = ['temp_max', 'temp_min', 'wind', 'precipitation'];
const halfLives = [7, 30, 90]; // days
/** Each half-life remembers the sensors and a 1, whose memory is the weight that the others' have. */
const perHalfLife = sensors.length + 1;
const dim = halfLives.length * perHalfLife;

function toMemory(batch: RecordBatch): RecordBatch {
  const columns = [
    ...sensors.map((sensor) => numbersOf(batch, sensor)),
    new Float64Array(batch.numRows).fill(1),
  ];
  const x = new Float32Array(batch.numRows * dim);
  const g = new Float32Array(batch.numRows * dim);
  for (let i = 0; i < x.length; i++) {
    const [day, element] = [Math.floor(i / dim), i % dim];
    x[i] = columns[element % perHalfLife]![day]!;
    g[i] = -Math.LN2 / halfLives[Math.floor(element / perHalfLife)]!;
  }
  return withColumns(batch, { x: { type: f32(dim), values: x }, g: { type: f32(dim), values: g } });
}

const memory = hgrn({ dim });
const collected = collect();
await dataflow('weather')
  .from(csvFile('node_modules/vega-datasets/data/seattle-weather.csv'))
  .pipe(stateless(toMemory))
  .step('memory', memory)
  .to(collected)
  .run();

const days = collected.table();
/** What is remembered of a sensor on a day: the sum of its values over the sum of their weights. */
const remembered = (day: number, sensor: number, halfLife: number): number => {
  const memories = days.getChild('o')!.get(day) as { get(element: number): number };
  const first = halfLife * perHalfLife;
  return memories.get(first + sensor) / memories.get(first + sensors.length);
};

console.log(
  `${days.numRows} days of ${sensors.length} sensors, ${dim} memories, a state of ${memory.stateBytes} bytes`,
);

const lastDay = days.numRows - 1;
const print = (cells: readonly string[]) =>
  console.log(
    cells
      .map((cell) => cell.padEnd(16))
      .join('')
      .trimEnd(),
  );
console.log();
print(['last day', 'as measured', ...halfLives.map((halfLife) => `over ${halfLife} days`)]);
sensors.forEach((sensor, i) => {
  const smoothed = halfLives.map((_, halfLife) => remembered(lastDay, i, halfLife).toFixed(2));
  print([sensor, `${days.getChild(sensor)!.get(lastDay)}`, ...smoothed]);
});

const shown = Array.from({ length: 104 }, (_, i) => 14 * i);
const asMeasured = shown.map((day) => days.getChild('temp_max')!.get(day) as number);
const asRemembered = shown.map((day) => remembered(day, 0, 1));
console.log('\nhighest temperature of the day, and what is remembered of it with a half-life of 30 days');
const colors = process.stdout.isTTY ? [asciichart.default, asciichart.lightblue] : [];
console.log(asciichart.plot([asMeasured, asRemembered], { height: 12, colors }));
console.log(
  [2012, 2013, 2014, 2015]
    .map((year) => `${year}`.padEnd(26))
    .join('')
    .padStart(112),
);
