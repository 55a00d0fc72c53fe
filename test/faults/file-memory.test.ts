/**
 * Bounded: files run through in memory that does not grow with them. What is allowed is less than Node and a file as a whole
 * take together. `FILE_MEMORY_BYTES` asks for larger ones.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built, started } from './child.js';

const MEBIBYTE = 2 ** 20;
const BYTES = Number(process.env.FILE_MEMORY_BYTES ?? 192 * MEBIBYTE);
const MOST_RESIDENT_BYTES = 280 * MEBIBYTE;
const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
/** Beside the packages, which the script loads as it is told to. */
const script = join('node_modules', `.chunkwise-file-memory-${process.pid}.mjs`);

beforeAll(() => {
  built('./file-memory-flow.ts', script);
});
afterAll(() => {
  rmSync(root, { recursive: true });
  rmSync(script);
});

interface Seen {
  readonly rows: number;
  readonly sum: number;
  readonly seconds: number;
  readonly highWater: number;
}

async function seen(...task: string[]): Promise<Seen> {
  const { code, lines, errors } = await started(script, task);
  expect(code, errors).toBe(0);
  return JSON.parse(lines[0]!) as Seen;
}

describe.skipIf(!existsSync('/proc/self/status'))(`files of ${BYTES / MEBIBYTE} MiB`, () => {
  it.each(['csv', 'parquet'])(
    'are written and read as %s within 280 MiB',
    { timeout: 3_600_000 },
    async (format) => {
      const path = join(root, `large.${format}`);
      const written = await seen(`write-${format}`, path, `${BYTES}`);
      expect(statSync(path).size).toBeGreaterThan(BYTES * 0.85);
      const read = await seen(`read-${format}`, path);
      rmSync(path);
      expect(read.rows).toBe(written.rows);
      expect(read.sum).toBe((read.rows * (read.rows - 1)) / 2);
      expect(written.highWater).toBeLessThan(MOST_RESIDENT_BYTES);
      expect(read.highWater).toBeLessThan(MOST_RESIDENT_BYTES);
    },
  );
});
