/**
 * Exactly once from PostgreSQL to PostgreSQL: a process that is killed at any moment, and started again until it is done,
 * has written the rows of one that was never killed. `FAULT_SEED` replays the moments.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultPoint } from '../../src/fault-points.js';
import { POSTGRES_URL, postgresScratch, withoutPostgres } from '../support/postgres.js';
import { randomFrom } from '../support/random.js';
import { built, type Started, started } from './child.js';

const ROWS = 6000;
const KILLS = 25;
const MOST_STARTS = 4 * KILLS;
const seed = Number(process.env.FAULT_SEED ?? 20_260_902);
const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
afterAll(() => rmSync(root, { recursive: true }));

describe.skipIf(withoutPostgres)('a flow from postgres to postgres that is killed', async () => {
  const { schema, query } = withoutPostgres
    ? { schema: '', query: async () => [] }
    : await postgresScratch('kill');
  let script = '';
  let whole: unknown;

  async function run(output: string, how: Started = {}): Promise<boolean> {
    const args = [POSTGRES_URL, schema, output, join(root, output)];
    const { signal, code, lines, errors } = await started(script, args, how);
    expect(signal === 'SIGKILL' || code === 0, errors).toBe(true);
    return code === 0 && lines.some((line) => line.startsWith('done'));
  }

  /** Rows, distinct ids, and a digest of every cell in order. */
  const written = async (output: string) => {
    const [found] = await query(
      `select count(*)::int as rows, count(distinct id)::int as ids, md5(string_agg(t::text, '|' order by id)) as digest
      from ${output} t`,
    );
    return found;
  };

  const isThere = async (output: string) =>
    (await query('select to_regclass($1) as t', [output]))[0]!.t !== null;
  const committed = async (output: string) =>
    (await isThere(output)) ? Number((await written(output))!.rows) : 0;

  beforeAll(async () => {
    script = built('./postgres-flow.ts', join(root, 'flow.mjs'));
    await query(`create table input (id int primary key, key int, q real[], k real[], v real[])`);
    await query(
      `insert into input select i, (i * 7919) % 8, ${['q', 'k', 'v'].map((_, n) => `(select array_agg(sin(i * ${n + 1} + j)::real) from generate_series(1, 8) j)`).join(', ')}
      from generate_series(1, ${ROWS}) i`,
    );
    expect(await run('whole')).toBe(true);
    whole = await written('whole');
    expect(whole).toMatchObject({ rows: ROWS, ids: ROWS });
  }, 60_000);

  it(`has not a row lost or doubled, over ${KILLS} kills (seed ${seed})`, { timeout: 120_000 }, async () => {
    const random = randomFrom(seed);
    let kills = 0;
    let starts = 0;
    for (let flow = 0; kills < KILLS; flow++) {
      const output = `random_${flow}`;
      const env = { COMMIT_ROWS: `${[1, 100, 1000][flow % 3]}` };
      for (let isDone = false; !isDone; ) {
        const before = await committed(output);
        const afterMs = random() * 250;
        const onLine: Started['onLine'] = (line, child) => {
          if (line === 'running' && kills < KILLS) setTimeout(() => child.kill('SIGKILL'), afterMs);
        };
        isDone = await run(output, { onLine, env });
        if (!isDone) kills++;
        expect(await committed(output), 'a kill takes back nothing').toBeGreaterThanOrEqual(before);
        expect(++starts, `no progress: ${before} rows of flow ${flow}`).toBeLessThan(MOST_STARTS);
      }
      expect(await written(output), `flow ${flow}`).toEqual(whole);
    }
    expect(kills).toBe(KILLS);
  });

  const points: readonly FaultPoint[] = [
    'sink:before-commit',
    'sink:after-commit',
    'checkpoint:before-write',
    'checkpoint:after-write',
    'checkpoint:before-rename',
    'checkpoint:after-rename',
  ];
  for (const [i, point] of points.entries()) {
    it(`has not a row lost or doubled where it is killed twice at ${point}`, {
      timeout: 30_000,
    }, async () => {
      const output = `point_${i}`;
      for (const batch of [20 + i, 60 + i]) {
        expect(await run(output, { env: { CRASH: `${point}@${batch}` } })).toBe(false);
        expect(readdirSync(join(root, output)).length).toBeGreaterThan(0);
      }
      expect(await committed(output)).toBeLessThan(ROWS);
      expect(await run(output)).toBe(true);
      expect(await written(output)).toEqual(whole);
    });
  }
});
