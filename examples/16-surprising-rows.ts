/**
 * Which rows of a file look unlike the rest? A small model learns to predict each byte from those before it as it reads,
 * without labels, without a schema and in one pass. What it did not expect costs many bits: damaged rows, and the few
 * airports outside of the United States.
 *
 * Prints:
 *   3376 rows, 2 of them damaged, a model of 7.6 MB
 *   row 3000, 10.00 bits a byte: GET /robots.txt HTTP/1.1
 *   row 2794, 5.26 bits a byte: ROP,Prachinburi,NA,NA,Thailand,14.078333,101.378334
 *   row 1500, 5.12 bits a byte: -81.10880556,34.31547222,USA,SC,Winnsboro,Fairfield County,FDW
 *   row 2795, 4.73 bits a byte: ROR,Babelthoup/Koror,NA,NA,Palau,7.367222,134.544167
 *   row 3355, 4.65 bits a byte: YAP,Yap International,NA,NA,Federated States of Micronesia,9.5167,138.1
 */
import { readFileSync } from 'node:fs';
import { applyTo, binary, fromColumns, numbersOf, onlineModel } from 'chunkwise';

const path = new URL('../node_modules/vega-datasets/data/airports.csv', import.meta.url);
const rows = readFileSync(path, 'utf8').trim().split('\n').slice(1);

/** Fields in the reverse order, and what does not belong there at all. */
const damage: Readonly<Record<number, (row: string) => string>> = {
  1500: (row) => row.split(',').reverse().join(','),
  3000: () => 'GET /robots.txt HTTP/1.1',
};
const damaged = rows.map((row, i) => damage[i]?.(row) ?? row);

const texts = damaged.map((row) => new TextEncoder().encode(row));
const offsets = new Int32Array(texts.length + 1);
for (const [i, text] of texts.entries()) offsets[i + 1] = offsets[i]! + text.length;
const values = new Uint8Array(offsets.at(-1)!);
for (const [i, text] of texts.entries()) values.set(text, offsets[i]);

const model = onlineModel({ level: 5, tableShift: 4 });
const batch = fromColumns({ bytes: { type: binary(), values: { offsets, values } } }, texts.length);
const { batches } = applyTo(batch, model);
const bits = batches.flatMap((each) => Array.from(numbersOf(each, 'bitsPerByte')));

const megabytes = (model.stateBytes / 1e6).toFixed(1);
console.log(`${rows.length} rows, ${Object.keys(damage).length} of them damaged, a model of ${megabytes} MB`);
const ranked = bits.map((_, i) => i).sort((a, b) => bits[b]! - bits[a]!);
for (const i of ranked.filter((row) => row >= 500).slice(0, 5)) {
  console.log(`row ${i}, ${bits[i]!.toFixed(2)} bits a byte: ${damaged[i]}`);
}
