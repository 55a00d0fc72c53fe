import { readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { arrowFileSink } from '../../sinks/index.js';
import { arrowFile } from '../../sources/index.js';
import type { Position } from '../../src/source.js';
import { cells, errorOf, everyType, never, readAll, rowsOf, scratch, writeAll } from '../sources/helpers.js';

const at = scratch();

describe('arrowFileSink', () => {
  it('writes every type so that arrow-js reads the same values', async () => {
    const batches = [everyType(65), everyType(1, 3), everyType(100, 7).slice(13, 77), everyType(0)];
    await writeAll(arrowFileSink(at('types.arrow')), batches);
    const expected = cells(batches);
    expect(cells(tableFromIPC(readFileSync(at('types.arrow'))).batches)).toEqual(expected);
    expect(await rowsOf(arrowFile(at('types.arrow')))).toEqual(expected);
  });
});
