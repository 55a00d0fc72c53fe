import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import type { ProgressState } from '../../src/progress.js';
import { stateless } from '../../src/stateless.js';
import { batchOf, Counting, failure, Recording, runningSum, tick, valuesOf } from './helpers.js';

/** Keeps the processor busy. */
function spin(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}

const halves = stateless((batch) => {
  spin(2);
  const values = valuesOf(batch);
  return [batchOf(values.slice(0, 2)), batchOf(values.slice(2))];
});
const last = (told: readonly ProgressState[]) => told.at(-1)!;

describe('progress', () => {
  it('tells of each step what came in and out, and the time spent in it and in no other', async () => {
    const told: ProgressState[] = [];
    const slow = stateless((batch) => {
      spin(1);
      return batch;
    });
    await dataflow('flow')
      .from(new Counting(10))
      .step('halves', halves)
      .step('sum', runningSum({}))
      .step('slow', slow)
      .to(new Recording({ column: 'sum' }))
      .run({ onProgress: (state) => told.push(state), progressMs: 0 });
    const { steps, flow, seconds } = last(told);
    expect(flow).toBe('flow');
    expect(steps.map(({ seconds: _, stateBytes: __, ...step }) => step)).toEqual([
      { id: 'halves', rowsIn: 40, rowsOut: 40, batchesIn: 10, batchesOut: 20, inFlight: 0 },
      { id: 'sum', rowsIn: 40, rowsOut: 40, batchesIn: 20, batchesOut: 20, inFlight: 0 },
      { id: 'slow', rowsIn: 40, rowsOut: 40, batchesIn: 20, batchesOut: 20, inFlight: 0 },
    ]);
    const [first, second, third] = steps.map((step) => step.seconds) as [number, number, number];
    expect(first).toBeGreaterThan(0.0199);
    expect(third).toBeGreaterThan(0.0199);
    expect(first + second + third).toBeLessThanOrEqual(seconds);
    expect(second).toBeLessThan(Math.min(first, third));
    expect(steps[1]!.stateBytes).toBe(runningSum({}).stateBytes);
  });

  it('tells latency, the age of the newest checkpoint, and the bytes of each state in it', async () => {
    const told: ProgressState[] = [];
    await dataflow('flow')
      .from(new Counting(6))
      .step('sum', runningSum({}))
      .to(new Recording({ column: 'sum', write: () => tick(3) }))
      .run({
        checkpoint: { store: memoryStore(), everyBatches: 3 },
        onProgress: (state) => told.push(state),
        progressMs: 0,
      });
    expect(told[0]!.checkpointAgeSeconds).toBeUndefined();
    expect(last(told).checkpointAgeSeconds).toBeGreaterThan(0);
    expect(last(told).steps[0]!.stateBytes).toBeGreaterThan(0);
    const latencies = told.flatMap(({ latencySeconds = [] }) => latencySeconds);
    expect(latencies.length).toBeGreaterThan(3);
    expect(Math.min(...latencies)).toBeGreaterThan(0.0025);
  });

  it('tells how far the source is behind where the source knows', async () => {
    const source = new Counting(3);
    const told: ProgressState[] = [];
    const late = {
      name: 'late',
      async *read(...args: Parameters<Counting['read']>) {
        for await (const sourced of source.read(...args)) yield { ...sourced, lagMs: 70, behind: 5 };
      },
    };
    await dataflow('flow')
      .from(late)
      .to(new Recording())
      .run({ onProgress: (state) => told.push(state) });
    expect(last(told)).toMatchObject({ lagMs: 70, behind: 5 });
  });

  it('is told before the first batch, so that a resumed run shows where it began, and while nothing happens', async () => {
    const store = memoryStore();
    let mayFail = true;
    const source = new Counting(9, {
      before: async (i) => {
        if (mayFail && i === 4) throw new Error('killed');
        if (i === 8) await tick(1150);
      },
    });
    const flow = dataflow('flow').from(source).to(new Recording());
    await failure(flow.run({ checkpoint: { store, everyBatches: 2 } }), 'SOURCE_FAILED');
    mayFail = false;
    const told: ProgressState[] = [];
    const { resumedAt } = await flow.run({
      checkpoint: { store },
      progressMs: 0,
      onProgress: (state) => told.push(state),
    });
    expect(resumedAt).toBeGreaterThan(0);
    expect(told[0]).toMatchObject({ batches: resumedAt, rows: resumedAt! * 4 });
    expect(told.filter(({ batches }) => batches === 8).length).toBeGreaterThan(1);
  });

  it('may have several listeners; one for batches hears those of the source and of every step', async () => {
    const heard: string[] = [];
    const told = [0, 0];
    await dataflow('flow')
      .from(new Counting(2))
      .step('halves', halves)
      .step('sum', runningSum({}))
      .to(new Recording({ column: 'sum' }))
      .run({
        onProgress: [() => told[0]!++, () => told[1]!++],
        onStepBatch: (step, batch) => heard.push(`${step ?? 'source'}: ${batch.numRows}`),
      });
    expect(told[0]).toBeGreaterThan(1);
    expect(told[0]).toBe(told[1]);
    const each = ['source: 4', 'halves: 2', 'sum: 2', 'halves: 2', 'sum: 2'];
    expect(heard).toEqual([...each, ...each]);
  });
});
