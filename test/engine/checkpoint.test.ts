import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withColumns } from '../../src/batches.js';
import { type CheckpointStore, memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { defineOperator } from '../../src/define-operator.js';
import { f64 } from '../../src/layout.js';
import { perKey } from '../../src/per-key.js';
import { rebatch } from '../../src/rebatch.js';
import { stateless } from '../../src/stateless.js';
import { Counting, failure, Recording, runningSum, sumsUpTo, tick, upTo, valuesOf } from './helpers.js';

/** A sink that fails, once, at its `at`th write. */
const failingOnce = (at: number, column = 'x') =>
  new Recording({
    column,
    write: (i) => {
      if (i === at) throw new Error('killed');
    },
  });

/** Counts the checkpoints written to a store. */
function counted(store: CheckpointStore) {
  const sizes: number[] = [];
  const write: CheckpointStore['write'] = (sequence, bytes) => {
    sizes.push(bytes.length);
    return store.write(sequence, bytes);
  };
  return { store: { ...store, write }, sizes };
}

describe('a checkpointed run', () => {
  it('killed at any batch goes on from the newest checkpoint, and the result is the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        async (kill, everyBatches, credit) => {
          const store = memoryStore();
          const sink = failingOnce(kill, 'sum');
          const flow = dataflow('flow').from(new Counting(13)).pipe(runningSum({})).to(sink);
          const options = { checkpoint: { store, everyBatches }, credit };
          await failure(flow.run(options), 'SINK_FAILED');
          const done = Math.floor(kill / everyBatches) * everyBatches;
          const report = await flow.run(options);
          expect(report).toMatchObject({ resumedAt: done || null, rows: 52, batches: 13, bytesIn: 13 * 32 });
          expect(sink.values).toEqual(sumsUpTo(52));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('saves what rebatch holds back and the states of keys', async () => {
    const keyed = stateless((batch) => {
      const key = Float64Array.from(valuesOf(batch), (x) => x % 3);
      return withColumns(batch, { key: { type: f64(), values: key } });
    });
    const make = (sink: Recording) =>
      dataflow('flow')
        .from(new Counting(11))
        .pipe(keyed, rebatch({ rows: 7 }))
        .step('sums', perKey('key', runningSum({}), { maxKeys: 3 }))
        .to(sink);
    const whole = new Recording({ column: 'sum' });
    await make(whole).run();
    const sums = [0, 0, 0];
    expect(whole.values).toEqual(
      upTo(44).map((x) => {
        sums[x % 3]! += x;
        return sums[x % 3]!;
      }),
    );
    for (let kill = 0; kill < 6; kill++) {
      const store = memoryStore();
      const sink = failingOnce(kill, 'sum');
      const flow = make(sink);
      await failure(flow.run({ checkpoint: { store, everyBatches: 2 } }), 'SINK_FAILED');
      await flow.run({ checkpoint: { store } });
      expect(sink.values).toEqual(whole.values);
    }
  });

  it('evicts states of keys to the store, closes the file each time, and gets them back', async () => {
    const open = new Set<object>();
    const memory = memoryStore();
    const store: CheckpointStore = {
      ...memory,
      spill: (step) => {
        const spill = memory.spill(step);
        open.add(spill);
        return Object.assign(Object.create(spill) as typeof spill, { close: () => open.delete(spill) });
      },
    };
    const keyed = stateless((batch) =>
      withColumns(batch, { key: { type: f64(), values: Float64Array.from(valuesOf(batch), (x) => x % 8) } }),
    );
    const sink = failingOnce(5, 'sum');
    const flow = dataflow('flow')
      .from(new Counting(10))
      .pipe(keyed, perKey('key', runningSum({}), { maxKeys: 4, onLimit: 'evict' }))
      .to(sink);
    await failure(flow.run({ checkpoint: { store, everyBatches: 2 } }), 'SINK_FAILED');
    expect(open.size).toBe(0);
    await flow.run({ checkpoint: { store, everyBatches: 2 } });
    const sums = new Array<number>(8).fill(0);
    expect(sink.values).toEqual(
      upTo(40).map((x) => {
        sums[x % 8]! += x;
        return sums[x % 8]!;
      }),
    );
    expect(open.size).toBe(0);
  });

  it('flushes again where it was killed between the end of the source and the end of the sink', async () => {
    const store = memoryStore();
    let finishes = 0;
    const sink = new Recording({
      finish: () => {
        if (++finishes === 1) throw new Error('killed');
      },
    });
    const flow = dataflow('flow')
      .from(new Counting(3))
      .pipe(rebatch({ rows: 5 }))
      .to(sink);
    await failure(flow.run({ checkpoint: { store } }), 'SINK_FAILED');
    expect(sink.values).toEqual(upTo(12));
    expect(await flow.run({ checkpoint: { store } })).toMatchObject({ resumedAt: 3, complete: true });
    expect(sink.values).toEqual(upTo(12));
  });

  it('that is complete does nothing when run again, and reports what was done', async () => {
    const store = memoryStore();
    const source = new Counting(9);
    const sink = new Recording();
    const flow = dataflow('flow').from(source).to(sink);
    const first = await flow.run({ checkpoint: { store } });
    const second = await flow.run({ checkpoint: { store } });
    expect(second).toEqual({ ...first, resumedAt: 9, seconds: expect.any(Number) as number });
    expect([source.begun, sink.opened.length]).toEqual([1, 1]);
  });

  it('that is asked to restart forgets what was there', async () => {
    const store = memoryStore();
    const sink = new Recording();
    const flow = dataflow('flow').from(new Counting(9)).to(sink);
    await flow.run({ checkpoint: { store } });
    expect(await flow.run({ checkpoint: { store, restart: true } })).toMatchObject({
      resumedAt: null,
      batches: 9,
    });
    expect(sink.values).toEqual(upTo(36));
    expect(sink.opened).toEqual([undefined, undefined]);
  });

  it('may end on a checkpoint that was due with the last batch: it is not taken twice', async () => {
    const { store, sizes } = counted(memoryStore());
    await dataflow('flow')
      .from(new Counting(6))
      .to(new Recording())
      .run({ checkpoint: { store, everyBatches: 3 } });
    expect(sizes.length).toBe(3);
  });
});

describe('checkpoints are taken', () => {
  it.each([
    [1, 11],
    [3, 5],
    [64, 2],
  ])('every %i batches, before the flush and at the end', async (everyBatches, expected) => {
    const { store, sizes } = counted(memoryStore());
    await dataflow('flow')
      .from(new Counting(10))
      .to(new Recording())
      .run({ checkpoint: { store, everyBatches } });
    expect(sizes.length).toBe(expected);
  });

  it('every so many seconds, though the source waits', async () => {
    const { store, sizes } = counted(memoryStore());
    const source = new Counting(3, {
      before: async (i) => {
        if (i === 2) while (sizes.length === 0) await tick(1);
      },
    });
    const report = await dataflow('flow')
      .from(source)
      .to(new Recording())
      .run({ checkpoint: { store, everySeconds: 0.005 } });
    expect(report.batches).toBe(3);
    expect(sizes.length).toBe(3);
  });

  it('only once the sink has acknowledged everything', async () => {
    const memory = memoryStore();
    const sink = new Recording({ write: () => tick() });
    const source = new Counting(12);
    const store: CheckpointStore = {
      ...memory,
      write: async (sequence, bytes) => {
        expect(sink.values.length % 16).toBe(0);
        expect(sink.values.length / 4).toBeLessThanOrEqual(source.given);
        await memory.write(sequence, bytes);
      },
    };
    await dataflow('flow')
      .from(source)
      .to(sink)
      .run({ checkpoint: { store, everyBatches: 4 }, credit: 8 });
    expect([sink.overlaps, sink.values]).toEqual([0, upTo(48)]);
  });
});

describe('a checkpoint of something else is refused, and the message names both', () => {
  const other = (start: number, version = 1) => {
    const { definition } = runningSum;
    return defineOperator({ ...definition, version })({ start }) as ReturnType<typeof runningSum>;
  };
  const cases: Record<string, [() => ReturnType<typeof make>, RegExp]> = {
    'another dataflow': [
      () => make({ name: 'yearly' }),
      /flow of the checkpoint, expected 'yearly', got 'daily'/,
    ],
    'another source': [
      () => make({ source: 'tape' }),
      /source of the checkpoint, expected 'tape', got 'counting'/,
    ],
    'another sink': [
      () => make({ sink: 'paper' }),
      /sink of the checkpoint, expected 'paper', got 'recording'/,
    ],
    'another step id': [() => make({ id: 'total' }), /steps of the checkpoint, expected 'total', got 'sum'/],
    'another operator': [
      () => make({ operator: rebatch({ rows: 2 }) }),
      /name .*expected 'rebatch', got 'runningSum'/,
    ],
    'another version': [() => make({ operator: other(0, 2) }), /version .*expected 2, got 1/],
    'other options': [
      () => make({ operator: other(5) }),
      /options .*expected '{"start":5}', got '{"start":0}'/,
    ],
    'fewer steps': [() => make({ operator: undefined }), /steps .*expected 'no steps', got 'sum'/],
  };

  function make({
    name = 'daily',
    source = 'counting',
    sink = 'recording',
    id = 'sum',
    ...rest
  }: {
    name?: string;
    source?: string;
    sink?: string;
    id?: string;
    operator?: ReturnType<typeof rebatch> | undefined;
  }) {
    const operator = 'operator' in rest ? rest.operator : other(0);
    const recording = new Recording({ name: sink });
    const from = dataflow(name).from(new Counting(9, { name: source }));
    return { recording, flow: (operator ? from.step(id, operator) : from).to(recording) };
  }

  for (const [what, [made, message]] of Object.entries(cases)) {
    it(what, async () => {
      const { store, sizes } = counted(memoryStore());
      await make({}).flow.run({ checkpoint: { store, everyBatches: 4 } });
      const written = sizes.length;
      const { flow, recording } = made();
      const error = await failure(flow.run({ checkpoint: { store } }), 'STATE_VERSION');
      expect(error.message).toMatch(message);
      expect([recording.opened.length, sizes.length]).toEqual([0, written]);
    });
  }
});
