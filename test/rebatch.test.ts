import { Field, Int32, type RecordBatch, Schema, Utf8, vectorFromArray } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newBatch } from '../src/columns.js';
import type { Operator } from '../src/operator.js';
import { rebatch } from '../src/rebatch.js';
import { builtBatch, type Column, columnOf, kindNames, plainRows } from './support/arrow-columns.js';
import { expectError } from './support/errors.js';
import { campaign, cuttings } from './support/property.js';

/** What comes out of the batches; where `restartAt` says so, from a fresh operator that goes on from saved bytes. */
function through(operator: Operator, batches: readonly RecordBatch[], restartAt?: number): RecordBatch[] {
  const emitted: RecordBatch[] = [];
  let open = operator.open();
  for (const [i, batch] of batches.entries()) {
    if (i === restartAt) {
      const saved = open.snapshot();
      open = operator.open();
      open.restore(saved);
    }
    open.step(batch, (one) => emitted.push(one));
  }
  open.flush((one) => emitted.push(one));
  return emitted;
}

const sizes = (batches: readonly RecordBatch[]) => batches.map(({ numRows }) => numRows);

const ROWS = 90;
const tables = fc
  .shuffledSubarray(kindNames, { minLength: 1, maxLength: 5 })
  .chain((names) => fc.tuple(...names.map((name) => columnOf(name, ROWS))));

/** The rows cut by `slice`, and cut before they are built. */
function cutBothWays(columns: readonly Column[], lengths: readonly number[]) {
  const whole = builtBatch(columns, 0, ROWS);
  const borders = [0];
  for (const length of [...lengths, ROWS]) borders.push(Math.min(ROWS, borders.at(-1)! + length));
  const spans = borders.slice(1).map((to, i) => [borders[i]!, to] as const);
  return {
    whole,
    sliced: spans.map((span) => whole.slice(...span)),
    built: spans.map((span) => builtBatch(columns, ...span)),
  };
}

describe('rebatch', () => {
  it('gives batches of exactly the rows asked for, of every Arrow type, however the input is cut', () => {
    fc.assert(
      fc.property(tables, cuttings, fc.integer({ min: 1, max: 100 }), (columns, lengths, rows) => {
        const { whole, sliced, built } = cutBothWays(columns, lengths);
        const operator = rebatch({ rows });
        const expected = plainRows([whole]);
        const full = new Array<number>(Math.floor(ROWS / rows)).fill(rows);
        const wanted = ROWS % rows === 0 ? full : [...full, ROWS % rows];
        for (const batches of [[whole], sliced, built]) {
          const got = through(operator, batches);
          expect(sizes(got)).toEqual(wanted);
          expect(plainRows(got)).toEqual(expected);
          for (const batch of got) expect(String(batch.schema)).toBe(String(whole.schema));
        }
      }),
      campaign(8),
    );
  });

  it('goes on in mid-stream from saved bytes', () => {
    fc.assert(
      fc.property(
        tables,
        cuttings,
        fc.nat(24),
        fc.integer({ min: 1, max: 100 }),
        (columns, lengths, cut, rows) => {
          const { whole, sliced, built } = cutBothWays(columns, lengths);
          for (const batches of [sliced, built]) {
            const got = through(rebatch({ rows }), batches, cut % batches.length);
            expect(sizes(got)).toEqual(sizes(through(rebatch({ rows }), [whole])));
            expect(plainRows(got)).toEqual(plainRows([whole]));
          }
        },
      ),
      campaign(6),
    );
  });

  it('cuts by bytes in the same places however the input is cut and restarted', () => {
    fc.assert(
      fc.property(
        tables,
        cuttings,
        fc.nat(24),
        fc.integer({ min: 1, max: 600 }),
        (columns, lengths, cut, bytes) => {
          const { whole, sliced, built } = cutBothWays(columns, lengths);
          const expected = through(rebatch({ bytes }), [whole]);
          for (const batches of [sliced, built]) {
            for (const restartAt of [undefined, cut % batches.length]) {
              const got = through(rebatch({ bytes }), batches, restartAt);
              expect(sizes(got)).toEqual(sizes(expected));
              expect(plainRows(got)).toEqual(plainRows([whole]));
            }
          }
        },
      ),
      campaign(6),
    );
  });

  const numbers = (...values: number[]) =>
    newBatch(new Schema([new Field('n', new Int32(), false)]), values.length, [
      vectorFromArray(Int32Array.from(values)).data[0]!,
    ]);

  it('ends a batch once the bytes are reached: 4 a row of Int32, with at least one row', () => {
    const batch = numbers(1, 2, 3, 4, 5);
    expect(sizes(through(rebatch({ bytes: 8 }), [batch]))).toEqual([2, 2, 1]);
    expect(sizes(through(rebatch({ bytes: 9 }), [batch]))).toEqual([3, 2]);
    expect(sizes(through(rebatch({ bytes: 1 }), [batch]))).toEqual([1, 1, 1, 1, 1]);
  });

  it('counts of a text its bytes and four more', () => {
    const text = vectorFromArray(['abc', 'ä', ''], new Utf8());
    const batch = newBatch(new Schema([new Field('t', new Utf8(), false)]), 3, [text.data[0]!]);
    expect(sizes(through(rebatch({ bytes: 7 }), [batch]))).toEqual([1, 2]);
    expect(sizes(through(rebatch({ bytes: 13 }), [batch]))).toEqual([2, 1]);
  });

  it('hands a batch on as it is where it already has the rows', () => {
    const batch = numbers(1, 2, 3);
    expect(through(rebatch({ rows: 3 }), [batch])[0]).toBe(batch);
  });

  it('cuts without copying', () => {
    const batch = numbers(1, 2, 3, 4);
    const [first] = through(rebatch({ rows: 2 }), [batch]) as [RecordBatch];
    expect(first.data.children[0]!.values.buffer).toBe(batch.data.children[0]!.values.buffer);
  });

  it('gives of a stream without rows one empty batch with its columns, and of no stream nothing', () => {
    const got = through(rebatch({ rows: 3 }), [numbers(), numbers()], 1);
    expect(sizes(got)).toEqual([0]);
    expect(got[0]!.schema.names).toEqual(['n']);
    expect(through(rebatch({ rows: 3 }), [])).toEqual([]);
    expect(sizes(through(rebatch({ rows: 3 }), [numbers(1, 2, 3), numbers()]))).toEqual([3]);
  });

  it('refuses a schema that changes in mid-stream, restarted or not', () => {
    const other = newBatch(new Schema([new Field('m', new Int32(), false)]), 1, [
      vectorFromArray(Int32Array.of(1)).data[0]!,
    ]);
    for (const restartAt of [undefined, 1]) {
      const error = expectError('COLUMN_TYPE', () =>
        through(rebatch({ rows: 3 }), [numbers(1), other], restartAt),
      );
      expect(error.message).toContain('expected n: Int32, got m: Int32');
    }
  });

  it('takes exactly one of rows and bytes, a count each', () => {
    const options = [{}, { rows: 1, bytes: 1 }, { rows: 0 }, { rows: 1.5 }, { bytes: 0 }, { rows: 2 ** 31 }];
    for (const wrong of options) expectError('OPTION_RANGE', () => rebatch(wrong));
    expectError('OPTION_RANGE', () => rebatch({ rows: 1, other: 1 } as object));
    expectError('OPTION_RANGE', () => rebatch(undefined as never));
  });

  it('does not take the state of another cut, and does not merge', () => {
    const three = rebatch({ rows: 3 });
    const state = three.state();
    expect(three.stateFrom(state.toBytes()).bytes).toEqual(state.bytes);
    expectError('STATE_VERSION', () => rebatch({ rows: 4 }).stateFrom(state.toBytes()));
    expectError('STATE_VERSION', () => three.merge(state, state));
  });
});
