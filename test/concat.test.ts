import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBatches } from '../src/concat.js';
import { builtBatch, columnOf, kindNames, plainRows } from './support/arrow-columns.js';
import { campaign } from './support/property.js';

describe.each(kindNames)('concatBatches of %s', (kind) => {
  const ROWS = 40;
  const cut = fc.integer({ min: 0, max: ROWS });

  it('holds the rows of all batches in order, sliced, nested and null ones too', () => {
    fc.assert(
      fc.property(columnOf(kind, ROWS), fc.array(cut, { maxLength: 5 }), (column, cuts) => {
        const whole = builtBatch([column], 0, ROWS);
        const borders = [0, ...cuts.sort((a, b) => a - b), ROWS];
        const spans = borders.slice(1).map((to, i) => [borders[i]!, to] as const);
        const expected = plainRows([whole]);
        const sliced = spans.map((span) => whole.slice(...span));
        const built = spans.map((span) => builtBatch([column], ...span));
        const slicedAgain = sliced.flatMap((batch) => [batch.slice(0, 1), batch.slice(1)]);
        for (const batches of [sliced, built, slicedAgain]) {
          const joined = concatBatches(batches);
          expect(joined.numRows).toBe(ROWS);
          expect(plainRows([joined])).toEqual(expected);
          expect(plainRows([joined.slice(3, 30)])).toEqual(expected.slice(3, 30));
        }
      }),
      campaign(2),
    );
  });

  it('can be joined again', () => {
    fc.assert(
      fc.property(columnOf(kind, ROWS), cut, (column, at) => {
        const [a, b] = [builtBatch([column], 0, at), builtBatch([column], at, ROWS)];
        const twice = concatBatches([concatBatches([a, b]), concatBatches([b.slice(0, 2), a])]);
        const rows = plainRows([a, b]);
        expect(plainRows([twice])).toEqual([...rows, ...rows.slice(at, at + 2), ...rows.slice(0, at)]);
      }),
      campaign(),
    );
  });
});

describe('concatBatches', () => {
  it('hands a single batch back as it is', () => {
    const batch = builtBatch([], 0, 0);
    expect(concatBatches([batch])).toBe(batch);
  });
});
