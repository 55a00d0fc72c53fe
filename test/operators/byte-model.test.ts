import { describe, expect, it } from 'vitest';
import { ngramMixer, onlineModel } from '../../operators/index.js';
import { fromColumns } from '../../src/batches.js';
import { binary, perKey } from '../../src/index.js';
import { run } from '../support/outcome.js';

const encoder = new TextEncoder();

/** A batch of rows of text; the bytes between them belong to none. */
function batchOf(rows: readonly string[]) {
  const texts = rows.map((row) => encoder.encode(row));
  const offsets = new Int32Array(rows.length + 1);
  texts.forEach((text, t) => {
    offsets[t + 1] = offsets[t]! + text.length;
  });
  const values = new Uint8Array(offsets.at(-1)!);
  texts.forEach((text, t) => {
    values.set(text, offsets[t]);
  });
  return fromColumns({ bytes: { type: binary(), values: { offsets, values } } }, rows.length);
}

const logLines = Array.from(
  { length: 400 },
  (_, i) => `2026-11-25 20:${String(i % 60).padStart(2, '0')} INFO request ${i} took ${(i * 7) % 90} ms`,
);

describe.each([
  ['onlineModel', onlineModel],
  ['ngramMixer', ngramMixer],
] as const)('%s', (_, make) => {
  const small = { level: 1, tableShift: 8 };

  it('finds a log line that is unlike those before it', () => {
    const lines = logLines.with(350, 'Segmentation fault (core dumped) at 0x7ffd8a3c');
    const { outputs } = run(make(small), [batchOf(lines)]);
    const bits = Array.from(outputs.bitsPerByte as Float32Array);
    const usual = bits.slice(200, 350).sort((a, b) => a - b)[75]!;
    expect(bits.indexOf(Math.max(...bits.slice(200)))).toBe(350);
    expect(bits[350]!).toBeGreaterThan(4 * usual);
  });

  it('counts the separator behind a row, so that an empty row has a cost, and none without one', () => {
    const rows = batchOf(['', 'a', '']);
    const withSeparator = run(make(small), [rows]).outputs;
    expect((withSeparator.bits as Float64Array).every((bits) => bits > 0)).toBe(true);
    const without = run(make({ ...small, separator: -1 }), [rows]).outputs;
    expect(Array.from(without.bits as Float64Array, (bits) => bits > 0)).toEqual([false, true, false]);
    expect((without.bitsPerByte as Float32Array)[0]).toBe(0);
  });

  it('takes rows longer than a piece', () => {
    const long = 'abcdefghij'.repeat(2000);
    const { outputs } = run(make(small), [batchOf([long])]);
    expect((outputs.bits as Float64Array)[0]! / long.length).toBeLessThan(1);
  });

  it('keeps a model for each key', () => {
    const operator = perKey('source', make({ level: 1, tableShift: 14 }), { maxKeys: 4 });
    expect(operator.stateBytes).toBeGreaterThan(0);
  });

  it('refuses options out of range by name', () => {
    expect(() => make({ level: 10 })).toThrow(/level, expected an integer in 1 … 9, got 10/);
    expect(() => make({ tableShift: 15 })).toThrow(/tableShift/);
    expect(() => make({ parts: 'neither' as 'both' })).toThrow(/parts/);
    expect(() => make({ separator: 256 })).toThrow(/separator/);
  });
});

it('onlineModel with both parts predicts better than either alone', () => {
  const batch = batchOf(logLines);
  const costs = (['both', 'ngrams', 'ssm'] as const).map((parts) => {
    const { outputs } = run(onlineModel({ level: 5, tableShift: 8, parts }), [batch]);
    return (outputs.bits as Float64Array).reduce((sum, bits) => sum + bits, 0);
  });
  expect(costs[0]).toBeLessThan(Math.min(costs[1]!, costs[2]!));
});
