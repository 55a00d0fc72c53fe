/**
 * `npm run bench -- NAME …`: runs benches by name (all without a name), prints their tables, keeps bench/results/NAME.json.
 *
 * A bench is a file of this folder that exports `bench(): Promise<Result[]>`.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { keep, print, type Result } from './support/results.js';

const files = readdirSync(fileURLToPath(new URL('.', import.meta.url)));
const known = files.flatMap((file) => /^(.+)\.ts$/.exec(file)?.[1] ?? []).filter((name) => name !== 'run');
const names = process.argv.length > 2 ? process.argv.slice(2) : known;
const unknown = names.find((name) => !known.includes(name));

if (unknown !== undefined) {
  console.error(`bench: unknown bench, expected one of ${known.join(', ')}, got '${unknown}'`);
  process.exitCode = 2;
} else {
  for (const name of names) {
    const { bench } = (await import(`./${name}.js`)) as { bench: () => Promise<Result[]> };
    const results = await bench();
    for (const result of results) print(result);
    keep(name, results);
  }
}
