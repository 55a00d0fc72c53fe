import { describe, expect, it } from 'vitest';
import { collect } from '../../sinks/index.js';
import { cells, errorOf, everyType, never, writeAll } from '../sources/helpers.js';

describe('collect', () => {
  it('keeps the batches that arrived', async () => {
    const batches = [everyType(3), everyType(2, 1)];
    const sink = collect();
    await writeAll(sink, batches);
    expect(sink.batches.every((batch, i) => batch === batches[i])).toBe(true);
    expect(sink.table().numRows).toBe(5);
    await writeAll(sink, batches.slice(0, 1));
    expect(sink.batches.length).toBe(1);
  });

  it('cuts back to a position, and refuses one that it has not reached', async () => {
    const sink = collect();
    await writeAll(sink, [everyType(1), everyType(2), everyType(3)]);
    await writeAll(sink, [everyType(4)], 1);
    expect(cells(sink.batches)).toEqual(cells([everyType(1), everyType(4)]));
    expect((await errorOf((async () => sink.open(7, never))())).code).toBe('SINK_FAILED');
  });

  it('drops what it has when it is abandoned for good', async () => {
    const sink = collect();
    const writer = await sink.open(undefined, never);
    await writer.write(everyType(1));
    await writer.abandon(true);
    expect(sink.batches.length).toBe(1);
    await writer.abandon(false);
    expect(sink.batches.length).toBe(0);
  });
});
