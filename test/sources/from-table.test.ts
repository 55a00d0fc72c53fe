import { Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { fromTable } from '../../sources/index.js';
import { cells, errorOf, everyType, expectResumable, readAll, rowsOf, withColumns } from './helpers.js';

describe('fromTable', () => {
  it('gives the rows of a table, of batches and of one batch', async () => {
    const batches = [everyType(5), everyType(3, 9)];
    expect(await rowsOf(fromTable(batches))).toEqual(cells(batches));
    expect(await rowsOf(fromTable(batches[0]!))).toEqual(cells([batches[0]!]));
    expect(await rowsOf(fromTable(new Table([batches[0]!])))).toEqual(cells([batches[0]!]));
  });

  it('cuts large batches without copying them', async () => {
    const batch = everyType(10);
    const parts = await readAll(fromTable(batch, { batchRows: 4 }));
    expect(parts.map(({ batch }) => batch.numRows)).toEqual([4, 4, 2]);
    const shared = (part: typeof batch) => (part.getChild('int8')!.data[0]!.values as Int8Array).buffer;
    expect(shared(parts[1]!.batch)).toBe(shared(batch));
  });

  it('can be read on from every position', async () => {
    await expectResumable(fromTable([everyType(10), everyType(0), everyType(7, 2)], { batchRows: 3 }));
    await expectResumable(fromTable(new Table(everyType(1).schema)));
  });

  it('gives one batch without rows for a table without rows', async () => {
    const [only, ...more] = await readAll(fromTable(new Table(everyType(1).schema)));
    expect(more).toEqual([]);
    expect(only!.batch.numRows).toBe(0);
    expect(only!.batch.schema.names).toEqual(everyType(1).schema.names);
  });

  it('refuses options out of range, no batches, and batches of two schemas', async () => {
    expect(() => fromTable(everyType(1), { batchRows: 0 })).toThrow(/batchRows, expected an integer in 1/);
    expect(() => fromTable([])).toThrow(/expected a table or at least one batch/);
    expect(() => fromTable([everyType(1), withColumns(everyType(1), ['text'])])).toThrow(/schema changes/);
  });

  it('refuses positions of other sources and of longer ones', async () => {
    const source = fromTable(everyType(5));
    for (const position of [
      3,
      null,
      'x',
      { batch: 1 },
      { batch: -1, row: 0 },
      { batch: 0, row: 6 },
      { batch: 9, row: 0 },
    ]) {
      expect((await errorOf(readAll(source, position))).code).toBe('STATE_VERSION');
    }
  });

  it('stops when the signal aborts', async () => {
    const stop = new AbortController();
    const rows = fromTable(everyType(5), { batchRows: 1 })
      .read(undefined, stop.signal)
      [Symbol.asyncIterator]();
    await rows.next();
    stop.abort(new Error('enough'));
    await expect(rows.next()).rejects.toThrow('enough');
  });
});
