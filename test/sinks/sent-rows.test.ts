import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentRows } from '../../sinks/sent-rows.js';
import { cells } from '../sources/helpers.js';
import { numbered } from '../support/messages.js';

describe('SentRows', () => {
  it('leaves of any batches exactly the rows that are not there', () => {
    const ranges = fc.array(fc.tuple(fc.nat(40), fc.nat(9)), { maxLength: 8 });
    const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(ranges, cuts, (ranges, cuts) => {
        const sent = new SentRows();
        const there = new Set<number>();
        for (const [first, length] of ranges) {
          if (length > 0) sent.add({ first, end: first + length });
          for (let row = first; row < first + length; row++) there.add(row);
        }
        let row = 0;
        const left: string[] = [];
        for (const rows of cuts) {
          for (const part of sent.missing(numbered(row, row + rows), row)) {
            expect(cells([part.batch])[0]).toBe(`${part.row}`);
            left.push(...cells([part.batch]));
          }
          row += rows;
        }
        const expected = Array.from({ length: row }, (_, i) => i).filter((i) => !there.has(i));
        expect(left).toEqual(expected.map(String));
      }),
    );
  });
});
