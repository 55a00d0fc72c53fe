/**
 * Bounded: a stream of two gigabytes runs through in the memory of a few batches, however slow its sink.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built, started } from './child.js';

const MEBIBYTE = 2 ** 20;
const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
let script = '';

beforeAll(() => {
  script = built('./memory-flow.ts', join(root, 'memory-flow.mjs'));
});
afterAll(() => rmSync(root, { recursive: true }));

interface Seen {
  readonly bytesIn: number;
  readonly rows: number;
  readonly inFlightMax: number;
  readonly rssMax: number;
  readonly highWater: number;
}

describe('two gigabytes from a fast source into a slow sink', () => {
  it.each([2, 8])(
    'stay below 300 MiB of memory and %i batches in flight',
    { timeout: 60_000 },
    async (credit) => {
      const { code, lines, errors } = await started(script, [String(credit)]);
      expect(code, errors).toBe(0);
      const seen = JSON.parse(lines[0]!) as Seen;
      expect(seen.bytesIn).toBeGreaterThanOrEqual(2 ** 31);
      expect(seen.rows).toBe(2048 * 4096);
      expect(seen.inFlightMax).toBe(credit);
      expect(seen.rssMax).toBeLessThan(300 * MEBIBYTE);
      expect(seen.highWater).toBeLessThan(300 * MEBIBYTE);
    },
  );
});
