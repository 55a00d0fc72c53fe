import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { Counting, Recording, tick, upTo } from './helpers.js';

/** Runs 60 batches and answers how many were between source and sink at most, by what both have seen. */
async function mostInFlight(credit: number, slowSource: boolean, slowSink: boolean): Promise<number> {
  let most = 0;
  const sink = new Recording({ write: () => (slowSink ? tick(1) : undefined) });
  const source = new Counting(60, {
    rows: 1,
    before: async () => {
      if (slowSource) await tick(1);
      most = Math.max(most, source.given + 1 - sink.values.length);
    },
  });
  await dataflow('flow')
    .from(source)
    .to(sink)
    .run({
      credit,
      onProgress: ({ inFlight }) => expect(inFlight).toBeLessThanOrEqual(credit),
      progressMs: 0,
    });
  expect(sink.values).toEqual(upTo(60));
  expect(sink.overlaps).toBe(0);
  return most;
}

describe('credit', () => {
  for (const credit of [1, 2, 8]) {
    it(`of ${credit} is used up by a slow sink, and never exceeded`, async () => {
      expect(await mostInFlight(credit, false, true)).toBe(credit);
    });

    it(`of ${credit} is not exceeded with a slow source, nor with both slow, nor with none`, async () => {
      expect(await mostInFlight(credit, true, false)).toBeLessThanOrEqual(credit);
      expect(await mostInFlight(credit, true, true)).toBeLessThanOrEqual(credit);
      expect(await mostInFlight(credit, false, false)).toBeLessThanOrEqual(credit);
    });
  }

  it('lets the source go on as soon as one of several batches is written', async () => {
    let release = () => {};
    const sink = new Recording({
      write: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    });
    const source = new Counting(5, { rows: 1 });
    const run = dataflow('flow').from(source).to(sink).run({ credit: 2 });
    await tick();
    expect([source.given, sink.written]).toEqual([2, 1]);
    release();
    await tick();
    expect([source.given, sink.written]).toEqual([3, 2]);
    for (let i = 0; i < 4; i++) {
      release();
      await tick();
    }
    expect(await run).toMatchObject({ batches: 5 });
  });

  it('asks for the next batch before this one is through the steps, so that reading and computing overlap', async () => {
    const order: string[] = [];
    const source = new Counting(3, { before: (batch) => order.push(`ask ${batch}`) });
    const sink = new Recording({ write: (batch) => void order.push(`write ${batch}`) });
    await dataflow('flow').from(source).to(sink).run({ credit: 2 });
    expect(order).toEqual(['ask 0', 'ask 1', 'write 0', 'ask 2', 'write 1', 'write 2']);
  });

  it('is free again after a checkpoint: what was asked for before is not lost', async () => {
    const sink = new Recording({ write: (batch) => (batch % 2 ? tick() : undefined) });
    const source = new Counting(30, { rows: 1, before: (batch) => (batch % 3 ? undefined : tick()) });
    await dataflow('flow')
      .from(source)
      .to(sink)
      .run({ credit: 4, checkpoint: { store: memoryStore(), everyBatches: 1 } });
    expect(sink.values).toEqual(upTo(30));
    expect(sink.overlaps).toBe(0);
  });
});
