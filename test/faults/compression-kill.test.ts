/**
 * `chunkwise compress --checkpoint`, killed at random moments and started again until it is done, writes the same bytes as
 * if it had never been killed; so does decompress. `FAULT_SEED` replays the moments.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compressed, TINY } from '../support/compressed.js';
import { uniform } from '../support/property.js';
import { started } from './child.js';

const main = resolve('dist/src/cli/main.js');
const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
afterAll(() => rmSync(root, { recursive: true }));

const KILLS = Number(process.env.FAULT_KILLS ?? 6);
const MOST_STARTS = 10 * KILLS;
const seed = Number(process.env.FAULT_SEED ?? 20_260_901);
const random = uniform(seed);

const raw = readFileSync('node_modules/vega-datasets/data/movies.json').subarray(0, 60_000);
const options = { ...TINY, frameBytes: 7000, streams: 2 };
const coded = compressed(raw, options);
const flags = ['--level', '1', '--table-shift', '14', '--frame-bytes', '7000', '--streams', '2'];

/** Runs the command again and again until it is done, and answers how often it was killed. */
async function untilDone(args: readonly string[]): Promise<number> {
  let kills = 0;
  for (let starts = 0; starts < MOST_STARTS; starts++) {
    const timer: { id?: NodeJS.Timeout } = {};
    const afterMs = 250 + 450 * random();
    const ended = started(main, args, {
      onStart: (child) => {
        if (kills < KILLS) timer.id = setTimeout(() => child.kill('SIGKILL'), afterMs);
      },
    });
    const { signal, code, errors } = await ended;
    clearTimeout(timer.id);
    if (signal === null) {
      expect([code, errors]).toEqual([0, '']);
      return kills;
    }
    kills++;
  }
  throw new Error(`not done after ${MOST_STARTS} starts`);
}

describe(`a command that is killed at random moments (seed ${seed})`, () => {
  const often = ['--every-seconds', '0.02'];

  it('compresses to the same bytes', { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(join(root, 'compress-'));
    const input = join(directory, 'movies.json');
    writeFileSync(input, raw);
    const kills = await untilDone([
      'compress',
      input,
      '--checkpoint',
      join(directory, 'ck'),
      ...often,
      ...flags,
    ]);
    expect(kills).toBeGreaterThan(0);
    expect(readFileSync(`${input}.cw`).equals(coded)).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(['ck', 'movies.json', 'movies.json.cw']);
  });

  it('decompresses to the same bytes', { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(join(root, 'decompress-'));
    const input = join(directory, 'movies.json.cw');
    writeFileSync(input, coded);
    const kills = await untilDone(['decompress', input, '--checkpoint', join(directory, 'ck'), ...often]);
    expect(kills).toBeGreaterThan(0);
    expect(readFileSync(join(directory, 'movies.json')).equals(raw)).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(['ck', 'movies.json', 'movies.json.cw']);
  });
});
