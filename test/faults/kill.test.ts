/**
 * Nothing is lost: a process that is killed at any moment, and started again until it is done, has written the same
 * bytes as one that was never killed. `FAULT_SEED` replays the moments.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Field, Schema } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrowFileSink } from '../../sinks/index.js';
import { arrowType, columnData, newBatch } from '../../src/columns.js';
import { dataflow } from '../../src/dataflow.js';
import type { FaultPoint } from '../../src/fault-points.js';
import { type ArrayType, f32, i32 } from '../../src/layout.js';
import type { Sourced } from '../../src/source.js';
import { randomFrom } from '../support/random.js';
import { built, type Started, started } from './child.js';

const BATCHES = 300;
const KILLS = 50;
const MOST_STARTS = 4 * KILLS;
const SINKS = ['arrowFileSink', 'csvSink', 'jsonLinesSink'] as const;

const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
const seed = Number(process.env.FAULT_SEED ?? 20_260_901);
let script = '';
const wholes = new Map<string, Buffer>();

/** Batches of 1 … 40 rows: a key of eight, and q, k, v of two heads. */
async function writeInput(path: string): Promise<void> {
  const random = randomFrom(7);
  const types: Record<string, ArrayType> = { key: i32(), q: f32(2, 4), k: f32(2, 4), v: f32(2, 4) };
  const schema = new Schema(
    Object.entries(types).map(([name, type]) => new Field(name, arrowType(type), false)),
  );
  const batch = () => {
    const rows = 1 + Math.floor(random() * 40);
    const columns = Object.values(types).map((type) => {
      const isKey = type.dtype === 'i32';
      const values = Array.from({ length: rows * type.length }, () =>
        isKey ? Math.floor(random() * 8) : random() - 0.5,
      );
      return columnData(type, isKey ? Int32Array.from(values) : Float32Array.from(values), rows);
    });
    return newBatch(schema, rows, columns);
  };
  const source = {
    name: 'random',
    async *read(): AsyncGenerator<Sourced> {
      for (let i = 0; i < BATCHES; i++) yield { batch: batch(), next: i + 1 };
    },
  };
  await dataflow('input').from(source).to(arrowFileSink(path)).run();
}

/** A directory of its own with the input in it. */
function place(name: string): string {
  const directory = join(root, name);
  mkdirSync(directory);
  cpSync(join(root, 'input.arrow'), join(directory, 'input.arrow'));
  return directory;
}

/** Starts the flow; answers whether it is done, and refuses every end but that and a kill. */
async function run(sink: string, directory: string, how: Started = {}): Promise<boolean> {
  const { signal, code, lines, errors } = await started(script, [sink, directory], how);
  const isDone = lines.some((line) => line.startsWith('done'));
  expect(signal === 'SIGKILL' || code === 0, errors).toBe(true);
  return isDone && code === 0;
}

/** The number of the newest checkpoint, which grows with everything that the flow has done. */
function newest(directory: string): number {
  const path = join(directory, 'checkpoints');
  const names = readdirSync(directory).includes('checkpoints') ? readdirSync(path) : [];
  return Math.max(0, ...names.map((name) => Number(/(\d+)\.bin$/.exec(name)?.[1] ?? 0)));
}

beforeAll(async () => {
  script = built('./flow.ts', join(root, 'flow.mjs'));
  await writeInput(join(root, 'input.arrow'));
  for (const sink of SINKS) {
    const directory = place(`whole-${sink}`);
    expect(await run(sink, directory)).toBe(true);
    wholes.set(sink, readFileSync(join(directory, 'output')));
  }
}, 60_000);

afterAll(() => rmSync(root, { recursive: true }));

describe('a process that is killed at random moments', () => {
  it(`writes the same bytes, over ${KILLS} kills (seed ${seed})`, { timeout: 120_000 }, async () => {
    const random = randomFrom(seed);
    let kills = 0;
    let starts = 0;
    for (let flow = 0; kills < KILLS; flow++) {
      const sink = SINKS[flow % SINKS.length]!;
      const directory = place(`random-${flow}`);
      for (let isDone = false; !isDone; ) {
        const before = newest(directory);
        const afterMs = random() * 160;
        const onLine: Started['onLine'] = (line, child) => {
          if (line === 'running' && kills < KILLS) setTimeout(() => child.kill('SIGKILL'), afterMs);
        };
        isDone = await run(sink, directory, { onLine });
        if (!isDone) kills++;
        expect(newest(directory), 'a kill never undoes a checkpoint').toBeGreaterThanOrEqual(before);
        expect(++starts, `no progress: checkpoint ${before} of flow ${flow}`).toBeLessThan(MOST_STARTS);
      }
      expect(readFileSync(join(directory, 'output')).equals(wholes.get(sink)!), `${sink}, flow ${flow}`).toBe(
        true,
      );
      expect(readdirSync(directory).sort()).toEqual(['checkpoints', 'input.arrow', 'output']);
    }
    expect(kills).toBe(KILLS);
  });
});

describe('a process that is killed at a named point, twice', () => {
  const points: readonly FaultPoint[] = [
    'checkpoint:before-write',
    'checkpoint:after-write',
    'checkpoint:before-rename',
    'checkpoint:after-rename',
    'sink:before-sync',
    'sink:after-sync',
    'sink:before-rename',
    'sink:after-rename',
  ];
  for (const [i, point] of points.entries()) {
    const sink = SINKS[i % SINKS.length]!;
    it(`${point}: writes the same bytes by ${sink}`, { timeout: 30_000 }, async () => {
      const directory = place(point.replace(':', '-'));
      for (const batch of [40 + i, 150 + i]) {
        expect(await run(sink, directory, { env: { CRASH: `${point}@${batch}` } })).toBe(false);
        expect(newest(directory)).toBeGreaterThan(0);
      }
      expect(await run(sink, directory)).toBe(true);
      expect(readFileSync(join(directory, 'output')).equals(wholes.get(sink)!)).toBe(true);
      expect(readdirSync(directory).sort()).toEqual(['checkpoints', 'input.arrow', 'output']);
    });
  }
});
