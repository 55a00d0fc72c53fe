/**
 * Our CSV grammar, held to the reference parser and writer on random tables and on real files.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { RecordBatch } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvFile } from '../../sources/index.js';

async function cellsOf(
  bytes: Uint8Array,
  cutAt: number,
  columns: readonly string[],
): Promise<(string | null)[][]> {
  const schema = Object.fromEntries(columns.map((name) => [name, 'utf8' as const]));
  const input = (async function* () {
    yield bytes.slice(0, cutAt);
    yield bytes.slice(cutAt);
  })();
  const rows: (string | null)[][] = [];
  for await (const { batch } of csvFile(input, { schema }).read(undefined, new AbortController().signal)) {
    rows.push(...rowsOf(batch));
  }
  return rows;
}

const rowsOf = (batch: RecordBatch) =>
  Array.from({ length: batch.numRows }, (_, row) =>
    batch.schema.fields.map((_field, column) => batch.getChildAt(column)!.get(row) as string | null),
  );

const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ' ', ',', '"', '\n', '\r\n', 'é', '漢', '😀', '0', ';') }),
  fc.string(),
);
const table = fc.integer({ min: 2, max: 4 }).chain((width) =>
  fc.record({
    rows: fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }),
    newline: fc.constantFrom('\n', '\r\n'),
    quoted: fc.boolean(),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);

describe('csvFile, held to csv-parse and csv-stringify', () => {
  it('reads back what csv-stringify writes, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(table, async ({ rows, newline, quoted, cut }) => {
        const columns = rows[0]!.map((_, i) => `c${i}`);
        // The writer quotes a line feed only where records end with one.
        const isQuoted = quoted || newline === '\r\n';
        const text = stringify([columns, ...rows], { record_delimiter: newline, quoted: isQuoted });
        const bytes = new TextEncoder().encode(text);
        const expected = parse(text, { from_line: 1, relax_column_count: true }).slice(1) as string[][];
        const got = await cellsOf(bytes, Math.floor(cut * bytes.length), columns);
        expect(got.map((row) => row.map((value) => value ?? ''))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  const folder = 'node_modules/vega-datasets/data';
  const files = readdirSync(folder).filter((name) => name.endsWith('.csv'));
  it.each(files)('reads %s as csv-parse does', async (name) => {
    const bytes = new Uint8Array(readFileSync(`${folder}/${name}`));
    const [columns, ...expected] = parse(Buffer.from(bytes), { bom: true }) as [string[], ...string[][]];
    const got = await cellsOf(bytes, bytes.length >> 1, columns);
    expect(got.length).toBe(expected.length);
    expect(got.map((row) => row.map((value) => value ?? ''))).toEqual(expected);
  });
});
