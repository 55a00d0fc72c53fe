/**
 * What Node compresses, browsers decompress, and they compress it to the same bytes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compressed } from '../support/compressed.js';
import { bundled, CHROMIUM, inBareContext, inChromium } from './bundle.js';
import { OPTIONS, work } from './compression-page.js';

describe('compression without Node', () => {
  const { code } = bundled('./compression-page.ts');
  const raw = new Uint8Array(readFileSync('node_modules/vega-datasets/data/stocks.csv')).subarray(0, 3000);
  const base64 = Buffer.from(compressed(raw, OPTIONS)).toString('base64');
  const sum = raw.reduce((total, byte) => (Math.imul(total, 31) + byte) >>> 0, 7);
  const expected = `3000 bytes, checksum ${sum}, the same again, CORRUPT_INPUT,TRUNCATED_INPUT`;

  it('gives the same bytes in Node itself', async () => {
    expect(await work(base64)).toBe(expected);
  });

  it('gives the same bytes where there is only what browsers have', async () => {
    expect(await inBareContext(code, `work('${base64}')`)).toBe(expected);
  });

  it.skipIf(!existsSync(CHROMIUM))(
    `gives the same bytes in ${CHROMIUM} (skipped where that is not installed)`,
    () => {
      expect(inChromium(code, `work('${base64}')`)).toBe(expected);
    },
  );
});
