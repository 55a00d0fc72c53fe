import { describe, expect, it } from 'vitest';
import { arrowStreamSink, collect, csvSink } from '../../sinks/index.js';
import { arrowFile, arrowStream, csvFile, jsonLines } from '../../sources/index.js';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { weakest } from '../../src/guarantee.js';
import { tee } from '../../src/tee.js';
import { union } from '../../src/union.js';
import { Counting, Recording } from './helpers.js';

const ONCE = 'exactly once';
const LEAST = 'at least once';
const MOST = 'at most once';

describe('the weakest guarantee', () => {
  it.each([
    [[ONCE, ONCE], ONCE],
    [[ONCE, LEAST, LEAST], LEAST],
    [[MOST, ONCE], MOST],
    [[ONCE, undefined], undefined],
    [[LEAST, undefined], undefined],
  ] as const)('of %j is %j', (guarantees, expected) => {
    expect(weakest(guarantees)).toBe(expected);
  });

  it('is none where rows may be lost in one part and doubled in another', () => {
    expect(weakest([LEAST, MOST])).toBeUndefined();
  });
});

describe('a flow', () => {
  it('has that of its source and sink', () => {
    const exact = arrowFile('a.arrow');
    expect(dataflow('f').from(exact).to(csvSink('a.csv')).guarantee).toBe(ONCE);
    expect(dataflow('f').from(exact).to(csvSink('a.csv'), arrowStreamSink()).guarantee).toBe(LEAST);
    expect(dataflow('f').from(exact, arrowStream()).to(collect()).guarantee).toBe(MOST);
    expect(dataflow('f').from(exact, new Counting(1)).to(collect()).guarantee).toBeUndefined();
    expect(union(exact, jsonLines('x')).guarantee).toBe(ONCE);
    expect(tee(collect(), new Recording()).guarantee).toBeUndefined();
  });

  it('of rows from a stream depends on whether it comes again, which nobody can know', () => {
    const stream = new Response('a\n1\n').body!;
    expect([csvFile(stream).guarantee, csvFile(new Uint8Array(1)).guarantee]).toEqual([MOST, ONCE]);
  });

  it('tells it in its report where there are checkpoints', async () => {
    const source = csvFile(new TextEncoder().encode('a\n1\n'));
    const flow = dataflow('f').from(source).to(collect());
    expect(await flow.run()).toMatchObject({ rows: 1, guarantee: null });
    expect(await flow.run({ checkpoint: { store: memoryStore() } })).toMatchObject({ guarantee: ONCE });
    const unknown = dataflow('f').from(new Counting(1)).to(new Recording());
    expect(await unknown.run({ checkpoint: { store: memoryStore() } })).toMatchObject({ guarantee: null });
  });
});
