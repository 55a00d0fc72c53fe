/**
 * The recipe from CSV to Parquet, read back by DuckDB and held to references in float64.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const input = 'node_modules/vega-datasets/data/weather.csv';
const directory = mkdtempSync(join(tmpdir(), 'chunkwise-recipe-'));
afterAll(() => rmSync(directory, { recursive: true }));

const output = join(directory, 'features.parquet');

/** Rows of a query in DuckDB. */
async function rowsOf<Row>(sql: string): Promise<Row[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  return (await connection.runAndReadAll(sql)).getRowObjectsJson() as Row[];
}

interface Feature {
  readonly location: string;
  readonly weather: string;
  readonly today: readonly number[];
  readonly remembered: readonly number[];
}

describe('CSV → features by a memory per place → Parquet', () => {
  beforeAll(() => {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['dist/src/cli/main.js', 'run', 'examples/recipes/weather-features.yaml', '--quiet'],
      { env: { ...process.env, OUTPUT: output }, encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('keeps every row of the CSV as DuckDB reads it', async () => {
    const columns = 'location, date, precipitation, temp_max, temp_min, wind, weather';
    const [difference] = await rowsOf<{ rows: string; lost: string }>(`
      select (select count(*) from '${output}') as rows, (select count(*) from (
        select ${columns} from read_csv('${input}') except all select ${columns} from '${output}')) as lost`);
    expect(difference).toEqual({ rows: '2922', lost: '0' });
  });

  it('scales by the mean and deviation of the rows of a place so far', async () => {
    const [worst] = await rowsOf<{ difference: number }>(`
      with days as (select *, row_number() over () as day from '${output}'), scaled as (
        select wind_z, day, wind, location,
          avg(wind) over so_far as mean, stddev_pop(wind) over so_far as deviation
        from days window so_far as (partition by location order by day))
      select max(abs(wind_z - case when deviation > 0 then (wind - mean) / deviation else 0 end)) as difference
      from scaled where day > 1`);
    expect(worst!.difference).toBeLessThan(1e-5);
  });

  it('remembers by a fading sum per place, whose keys are the same for the same weather', async () => {
    const rows = await rowsOf<Feature>(
      `select location, weather, [precipitation_z, temp_max_z, temp_min_z, wind_z] as today, remembered from '${output}'`,
    );
    // One kind of weather is one unit vector: what it remembers of itself alone is a fading sum of its days.
    const first = rows.filter(({ location }) => location === 'Seattle').slice(0, 3);
    expect(first.map(({ weather }) => weather)).toEqual(['drizzle', 'rain', 'rain']);
    const scale = 8 ** -0.5;
    const fade = 1 - 2 ** -5;
    for (let i = 0; i < 4; i++) {
      const [, one, two] = first.map(({ today }) => today[i]!);
      expect(first[0]!.remembered[i]).toBeCloseTo(scale * first[0]!.today[i]!, 5);
      const grown = first[2]!.remembered[i]! - fade * first[1]!.remembered[i]!;
      expect(grown).toBeCloseTo(scale * two!, 5);
      expect(Number.isFinite(one)).toBe(true);
    }
  });
});
