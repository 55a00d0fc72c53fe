/**
 * The recipe from PostgreSQL to PostgreSQL: killed at random moments and started again, it has written the rows that it
 * writes when it is left alone, none lost and none doubled. `FAULT_SEED` replays the moments.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csvCells } from '../../sources/csv-fields.js';
import { started } from '../faults/child.js';
import { POSTGRES_URL, postgresScratch, type Scratch, withoutPostgres } from '../support/postgres.js';
import { generator } from '../support/recurrence.js';

const PLACES = 12_000;
const KILLS = 6;
const main = 'dist/src/cli/main.js';
const recipe = 'examples/recipes/diverse-sample.yaml';
const directory = mkdtempSync(join(tmpdir(), 'chunkwise-recipe-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe.skipIf(withoutPostgres)('PostgreSQL → a rolling diverse sample → PostgreSQL', () => {
  let scratch: Scratch;

  beforeAll(async () => {
    scratch = await postgresScratch('diverse_sample');
    await scratch.query('create table zipcodes (id int primary key, latitude real, longitude real)');
    const lines = readFileSync('node_modules/vega-datasets/data/zipcodes.csv', 'utf8').trimEnd().split('\n');
    const places = lines.slice(1, PLACES + 1).map((line) => csvCells(line, ',', new Set()));
    await scratch.query('insert into zipcodes select * from unnest($1::int[], $2::real[], $3::real[])', [
      places.map((_, id) => id),
      places.map(([, latitude]) => latitude),
      places.map(([, , longitude]) => longitude),
    ]);
  });

  /** Runs the recipe into a table; with `killAfterMs`, kills it then. Answers whether it came to its end. */
  async function run(table: string, killAfterMs?: number): Promise<boolean> {
    const options = encodeURIComponent(`-c search_path=${scratch.schema}`);
    const env = {
      POSTGRES: `${POSTGRES_URL}?options=${options}`,
      OUTPUT: table,
      CHECKPOINTS: join(directory, table),
    };
    const { signal, code, errors } = await started(main, ['run', recipe, '--quiet'], {
      env,
      onStart: (child) => {
        if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
      },
    });
    expect(signal === 'SIGKILL' || code === 0, errors).toBe(true);
    return code === 0;
  }

  const rowsOf = (table: string) =>
    scratch.query(
      `select selected, gains, value, "oracleCalls", changed, certified from ${table} order by ctid`,
    );

  it('writes the same rows whether it is killed or not', async () => {
    expect(await run('whole')).toBe(true);
    const whole = await rowsOf('whole');
    expect(whole).toHaveLength(PLACES / 500);
    expect(whole.every(({ selected }) => selected!.length === 20)).toBe(true);

    const random = generator(Number(process.env.FAULT_SEED ?? 20_261_101));
    let isDone = false;
    let kills = 0;
    for (; kills < KILLS && !isDone; kills++) isDone = await run('killed', 500 + 500 * random());
    expect(kills).toBeGreaterThan(0);
    while (!isDone) isDone = await run('killed');
    expect(await rowsOf('killed')).toEqual(whole);
  });
});
