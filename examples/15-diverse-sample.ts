/**
 * Which rows should be labelled first? 12 penguins of 342 that are as different from each other as can be, by the
 * log-determinant of their standardised measurements, drawn as a scatter plot with the chosen ones ringed. As penguins arrive,
 * the sample is kept: no second pass over the table.
 *
 * Prints:
 *   342 penguins with all measurements; 12 are chosen
 *   Adelie    151 in the table, 5 chosen
 *   Chinstrap 68 in the table, 4 chosen
 *   Gentoo    123 in the table, 3 chosen
 *   the first brings 2.40, the last still 1.52
 *   certified true
 *   342 points and 12 rings drawn
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyTo, dynamicSubmodular, f32, fromColumns, key, logDeterminant } from 'chunkwise';

type Penguin = Readonly<Record<string, string | number | null>>;

const measurements = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)'];
const all = JSON.parse(readFileSync('node_modules/vega-datasets/data/penguins.json', 'utf8')) as Penguin[];
const penguins = all.filter((penguin) => measurements.every((name) => typeof penguin[name] === 'number'));
const dim = measurements.length;

/** Each measurement less its mean, over its standard deviation. */
const features = new Float32Array(penguins.length * dim);
for (const [d, name] of measurements.entries()) {
  const values = penguins.map((penguin) => Number(penguin[name]));
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  for (const [i, x] of values.entries()) features[i * dim + d] = (x - mean) / deviation;
}

const k = 12;
const objective = logDeterminant({ dim, similarity: 'rbf', gamma: 0.15, noise: 0.1 });
const sample = dynamicSubmodular({ k, objective, exact: true });
const rows = fromColumns({
  id: { type: key(), values: penguins.map((_, i) => BigInt(i)) },
  features: { type: f32(dim), values: features },
});
const [answer] = applyTo(rows, sample).batches;
const chosen = Array.from(answer!.getChild('selected')!.get(0) as Iterable<bigint>, Number);
const gains = Array.from(answer!.getChild('gains')!.get(0) as Iterable<number>);

console.log(`${penguins.length} penguins with all measurements; ${chosen.length} are chosen`);
const species = ['Adelie', 'Chinstrap', 'Gentoo'];
for (const name of species) {
  const count = (which: readonly number[]) => which.filter((i) => penguins[i]!.Species === name).length;
  console.log(`${name.padEnd(10)}${count([...penguins.keys()])} in the table, ${count(chosen)} chosen`);
}
console.log(`the first brings ${gains[0]!.toFixed(2)}, the last still ${gains.at(-1)!.toFixed(2)}`);
console.log(`certified ${Boolean(answer!.getChild('certified')!.get(0))}`);

const [width, height, margin] = [640, 440, 45];
const extent = (name: string): readonly [number, number] => {
  const values = penguins.map((penguin) => Number(penguin[name]));
  return [Math.min(...values), Math.max(...values)];
};
const [[x0, x1], [y0, y1]] = [extent(measurements[0]!), extent(measurements[1]!)];
const colors: Readonly<Record<string, string>> = {
  Adelie: '#e07b39',
  Chinstrap: '#8e5ea2',
  Gentoo: '#1b8a8f',
};
const circle = (i: number, more: string) => {
  const penguin = penguins[i]!;
  const x = margin + ((Number(penguin[measurements[0]!]) - x0) / (x1 - x0)) * (width - 2 * margin);
  const y = height - margin - ((Number(penguin[measurements[1]!]) - y0) / (y1 - y0)) * (height - 2 * margin);
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" ${more}/>`;
};
const label = (x: number, y: number, content: string, fill = 'black') =>
  `<text x="${x}" y="${y}" font-family="sans-serif" font-size="13" fill="${fill}">${content}</text>`;
const path = process.env.OUT ?? join(tmpdir(), 'penguins.svg');
writeFileSync(
  path,
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...penguins.map((penguin, i) =>
      circle(i, `r="3" fill="${colors[penguin.Species as string]}" fill-opacity="0.6"`),
    ),
    ...chosen.map((i) => circle(i, 'r="8" fill="none" stroke="black" stroke-width="2"')),
    ...species.map((name, i) => label(margin + 100 * i, 24, name, colors[name])),
    label(margin, height - 14, `${measurements[0]} against ${measurements[1]}; ringed: to be labelled first`),
    '</svg>\n',
  ].join('\n'),
);
console.log(`${penguins.length} points and ${chosen.length} rings drawn`);
