/**
 * The laws for operators of whole batches: every one that the package exports with a definition, with each of its examples.
 */
import { type RecordBatch, RecordBatchStreamWriter } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as exported from '../../operators/index.js';
import type { BatchOperatorMaker } from '../../src/batch-operator.js';
import { plainRows } from '../support/arrow-columns.js';
import { expectError } from '../support/errors.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { cut, emitted, rows } from '../support/relational.js';

const makers = Object.values(exported).filter(
  (value): value is BatchOperatorMaker<object> =>
    typeof value === 'function' && 'definition' in value && !('inputs' in value.definition),
);
const subjects = makers.flatMap((maker) =>
  maker.definition.examples.map((options) => ({
    label: `${maker.definition.name} ${JSON.stringify(options)}`,
    maker,
    options,
  })),
);

const columns = (batch: RecordBatch) => batch.schema.fields.map(({ name, type }) => `${name}: ${type}`);
const NUM_ROWS = 331;

describe.each(subjects)('$label', ({ maker, options }) => {
  const operator = () => maker(options);

  it('gives the same rows however the stream is cut, in columns of the same types', () => {
    fc.assert(
      fc.property(seeds, cuttings, (seed, lengths) => {
        const whole = rows(NUM_ROWS, seed);
        const expected = emitted(operator(), [whole]);
        const got = emitted(operator(), cut(whole, lengths));
        expect(plainRows(got)).toEqual(plainRows(expected));
        for (const batch of got) expect(columns(batch)).toEqual(columns(expected[0]!));
      }),
      campaign(),
    );
  });

  it('goes on from a snapshot at any cut as if it had never stopped', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: NUM_ROWS }), (seed, at) => {
        const whole = rows(NUM_ROWS, seed);
        const [head, tail] = [whole.slice(0, at), whole.slice(at)];
        const out: RecordBatch[] = [];
        const emit = (batch: RecordBatch) => out.push(batch);
        const first = operator().open();
        first.step(head, emit);
        const second = operator().open();
        second.restore(first.snapshot());
        second.step(tail, emit);
        second.flush(emit);
        expect(plainRows(out)).toEqual(plainRows(emitted(operator(), [whole])));
      }),
      campaign(),
    );
  });

  it('leaves its input as it is, and hands out nothing that it changes later', () => {
    const bytes = (batch: RecordBatch) => RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
    const [one, other] = [rows(65, 1), rows(65, 2)];
    const before = bytes(one);
    const open = operator().open();
    const out: RecordBatch[] = [];
    open.step(one, (batch) => out.push(batch));
    const given = plainRows(out);
    open.step(other, () => {});
    open.flush(() => {});
    expect(plainRows(out)).toEqual(given);
    expect(bytes(one)).toEqual(before);
  });

  it('gives a stream without rows its columns', () => {
    const out = emitted(operator(), [rows(NUM_ROWS, 3).slice(0, 0)]);
    expect(out.length).toBeGreaterThan(0);
    expect(columns(out[0]!)).toEqual(columns(emitted(operator(), [rows(NUM_ROWS, 3)])[0]!));
  });

  it('refuses an option that it does not know, and columns that are missing', () => {
    expectError('OPTION_RANGE', () => maker({ ...options, noSuchOption: 1 }));
    const [only] = emitted(exported.select({ columns: ['id'] }), [rows(3, 4)]);
    expectError('COLUMN_MISSING', () => emitted(operator(), [only!]));
  });

  it('says of each option what it means', () => {
    expect(Object.keys(options).filter((name) => !(name in maker.definition.options))).toEqual([]);
  });
});
