import type { RecordBatch } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AsyncOperator } from '../../src/async-operator.js';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { DataflowError } from '../../src/errors.js';
import { rebatch } from '../../src/rebatch.js';
import { stateless } from '../../src/stateless.js';
import {
  batchOf,
  Counting,
  failure,
  forever,
  Recording,
  rejection,
  runningSum,
  sumsUpTo,
  tick,
  upTo,
  valuesOf,
} from './helpers.js';

interface SlowOptions {
  readonly name?: string;
  readonly credit?: number;
  /** Runs before each step. */
  readonly before?: (batch: number, signal: AbortSignal) => unknown;
  readonly flush?: (signal: AbortSignal) => unknown;
  readonly openAsync?: () => never;
  readonly close?: () => void | Promise<void>;
}

/** Adds up asynchronously: gives the running sums of x as column x, and a batch with the total at the flush. */
function slowSum(options: SlowOptions = {}) {
  const seen = { steps: 0, overlaps: 0, opens: 0, closes: 0, stepsAfterClose: 0, inFlight: 0 };
  const operator: AsyncOperator = {
    name: options.name ?? 'slowSum',
    description: {
      name: options.name ?? 'slowSum',
      version: 1,
      options: '{}',
      layout: '',
      summary: 'running sums, slowly',
      inputs: {},
      outputs: {},
      columns: {},
    },
    stateBytes: 8,
    ...(options.credit !== undefined && { credit: options.credit }),
    openAsync() {
      options.openAsync?.();
      seen.opens++;
      let total = 0;
      let isBusy = false;
      let isClosed = false;
      const alone = async <T>(work: () => Promise<T>): Promise<T> => {
        if (isBusy) seen.overlaps++;
        if (isClosed) seen.stepsAfterClose++;
        isBusy = true;
        try {
          return await work();
        } finally {
          isBusy = false;
        }
      };
      return {
        step: (batch, signal) =>
          alone(async () => {
            await options.before?.(seen.steps++, signal);
            const sums = valuesOf(batch).map((x) => (total += x));
            return [batchOf(sums)];
          }),
        flush: (signal) =>
          alone(async () => {
            await options.flush?.(signal);
            return [batchOf([total])];
          }),
        snapshot: () => alone(async () => new Uint8Array(Float64Array.of(total).buffer)),
        restore: (bytes) =>
          alone(async () => {
            [total] = new Float64Array(new Uint8Array(bytes).buffer) as unknown as [number];
          }),
        close: () =>
          alone(async () => {
            seen.closes++;
            isClosed = true;
            await options.close?.();
          }),
      };
    },
  };
  return Object.assign(operator, { seen });
}

const lastOf = (values: readonly number[]) => values.at(-1)!;
const sumsAndTotal = (count: number) => [...sumsUpTo(count), lastOf(sumsUpTo(count))];

describe('an asynchronous step', () => {
  it('keeps the order between synchronous steps, whatever takes how long', async () => {
    const slow = slowSum({ before: (i) => (i % 3 === 0 ? tick(1) : undefined) });
    const sink = new Recording({ write: (i) => (i % 4 === 0 ? tick(1) : undefined) });
    const twice = stateless((batch) => [batch, batchOf(valuesOf(batch).map((x) => -x))]);
    await dataflow('flow')
      .from(new Counting(12))
      .pipe(rebatch({ rows: 5 }), slow, twice)
      .to(sink)
      .run();
    expect(sink.values.filter((x) => x > 0)).toEqual(sumsAndTotal(48).filter((x) => x > 0));
    expect(slow.seen).toMatchObject({ overlaps: 0, opens: 1, closes: 1, stepsAfterClose: 0 });
  });

  it('may follow another, and each is flushed once all is through the one before', async () => {
    const sink = new Recording();
    const steps = [slowSum({ before: () => tick() }), slowSum(), slowSum({ before: () => tick(1) })];
    await dataflow('flow')
      .from(new Counting(5, { rows: 1 }))
      .step('a', steps[0]!)
      .step('b', steps[1]!)
      .step('c', steps[2]!)
      .to(sink)
      .run();
    const sums = (values: readonly number[]) => {
      let total = 0;
      const all = values.map((x) => (total += x));
      return [...all, total];
    };
    expect(sink.values).toEqual(sums(sums(sums(upTo(5)))));
    expect(steps.map(({ seen }) => [seen.overlaps, seen.closes])).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  it('overlaps with the source, the other steps and the sink', async () => {
    let atOnce = 0;
    let most = 0;
    const busy = async () => {
      most = Math.max(most, ++atOnce);
      await tick(2);
      atOnce--;
    };
    const sink = new Recording({ write: busy });
    await dataflow('flow')
      .from(new Counting(20, { before: busy }))
      .step('a', slowSum({ before: busy }))
      .step('b', slowSum({ before: busy }))
      .to(sink)
      .run();
    expect(most).toBe(4);
  });

  it.each([1, 2, 5])('pushes back on the source with a credit of %i', async (credit) => {
    let most = 0;
    const slow = slowSum({
      credit,
      before: () => {
        most = Math.max(most, source.given - slow.seen.steps + 1);
        return tick(1);
      },
    });
    const source: Counting = new Counting(20, { rows: 1 });
    const report = await dataflow('flow')
      .from(source)
      .pipe(slow)
      .to(new Recording())
      .run({ progressMs: 0, onProgress: ({ inFlight }) => expect(inFlight).toBeLessThanOrEqual(credit + 2) });
    expect(report.batches).toBe(20);
    expect(most).toBe(credit);
  });

  it('waits for room behind it: a slow sink holds up the source', async () => {
    const sink = new Recording({ write: () => tick(1) });
    const source: Counting = new Counting(30, {
      rows: 1,
      before: () => expect(source.given + 1 - sink.values.length).toBeLessThanOrEqual(2 + 2 + 2),
    });
    await dataflow('flow').from(source).step('a', slowSum()).step('b', slowSum()).to(sink).run();
    expect(source.given).toBe(30);
  });

  it('gets the next batch as soon as the one before is through, also where it makes nothing', async () => {
    const nothing = slowSum();
    const drop = stateless((batch: RecordBatch) => (valuesOf(batch)[0]! < 0 ? batch : undefined));
    const report = await dataflow('flow').from(new Counting(9)).pipe(drop, nothing).to(new Recording()).run();
    expect([report.batches, nothing.seen.steps]).toEqual([9, 0]);
  });
});

describe('checkpoints of a flow with asynchronous steps', () => {
  const flowInto = (sink: Recording, slow: AsyncOperator) =>
    dataflow('flow')
      .from(new Counting(13))
      .step('before', runningSum({ columns: { sum: 'y' } }))
      .step('slow', slow)
      .step('after', runningSum({}))
      .to(sink);

  it('are taken at rest, and a killed run goes on to the same result', async () => {
    const whole = new Recording({ column: 'sum' });
    await flowInto(whole, slowSum()).run();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 13 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('step', 'sink'),
        async (kill, everyBatches, where) => {
          const store = memoryStore();
          let mayFail = true;
          const fail = (i: number) => {
            if (mayFail && i === kill) throw new Error('killed');
          };
          const sink = new Recording({
            column: 'sum',
            write: (i) => (where === 'sink' ? fail(i) : undefined),
          });
          const slow = slowSum({
            before: (i) => tick().then(() => (where === 'step' ? fail(i) : undefined)),
          });
          const flow = flowInto(sink, slow);
          const checkpoint = { store, everyBatches };
          const first = await flow.run({ checkpoint }).catch((error: unknown) => error);
          if (where === 'sink' || kill < 13) expect(first).toBeInstanceOf(DataflowError);
          mayFail = false;
          const report = await flow.run({ checkpoint });
          expect(report).toMatchObject({ batches: 13, complete: true });
          expect(sink.values).toEqual(whole.values);
          expect([slow.seen.overlaps, slow.seen.closes]).toEqual([0, slow.seen.opens]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('come every so many seconds, and when asked for, though a batch takes long', async () => {
    const store = memoryStore();
    const slow = slowSum({ before: () => tick(4) });
    const sink = new Recording();
    const live = dataflow('flow')
      .from(new Counting(9))
      .pipe(slow)
      .to(sink)
      .start({ checkpoint: { store, everySeconds: 0.005 } });
    await live.checkpoint();
    expect(sink.values.length).toBe(4 * slow.seen.steps);
    await live.done;
    expect(Math.max(...(await store.list()))).toBeGreaterThan(3);
  });

  it('let a stopped run resume', async () => {
    const store = memoryStore();
    const sink = new Recording();
    const slow = slowSum({ before: () => tick(1) });
    const flow = dataflow('flow').from(new Counting(40)).pipe(slow).to(sink);
    const live = flow.start({ checkpoint: { store } });
    await tick(10);
    const stopped = await live.stop();
    expect(stopped.complete).toBe(false);
    expect(sink.values).toEqual(sumsUpTo(stopped.rows));
    await flow.run({ checkpoint: { store } });
    expect(sink.values).toEqual(sumsAndTotal(160));
    expect(slow.seen.closes).toBe(2);
  });

  it('are not needed to stop: what was read is finished', async () => {
    const sink = new Recording();
    const live = dataflow('flow')
      .from(new Counting(40))
      .pipe(slowSum({ before: () => tick(1) }))
      .to(sink)
      .start();
    await tick(10);
    const { rows } = await live.stop();
    expect(sink.values).toEqual(sumsAndTotal(rows));
  });
});

describe('an error of an asynchronous step', () => {
  const boom = new Error('boom');

  it('says step and batch, closes the step, and lets source and sink go', async () => {
    const slow = slowSum({ before: (i) => i === 3 && tick().then(() => Promise.reject(boom)) });
    const source = new Counting(9);
    const sink = new Recording();
    const flow = dataflow('flow').from(source).step('slow', slow).to(sink);
    const error = await failure(flow.run(), 'STEP_FAILED');
    expect(error.message).toBe('slow: batch 3, expected no error, got boom.');
    expect([error.at, error.cause]).toEqual([{ step: 'slow', batch: 3 }, boom]);
    expect([slow.seen.closes, slow.seen.steps, source.ended, sink.abandoned]).toEqual([1, 4, 1, [false]]);
  });

  it('in a synchronous step behind it says that step and the batch', async () => {
    let calls = 0;
    const step = stateless((batch) => {
      if (++calls === 3) throw boom;
      return batch;
    });
    const slow = slowSum({ before: () => tick() });
    const run = dataflow('flow')
      .from(new Counting(9))
      .pipe(slow)
      .step('behind', step)
      .to(new Recording())
      .run();
    expect((await failure(run, 'STEP_FAILED')).at).toEqual({ step: 'behind', batch: 2 });
    expect(slow.seen.closes).toBe(1);
  });

  it('in opening or flushing is told the same way; what did not open is not closed', async () => {
    const fail = () => {
      throw boom;
    };
    for (const slow of [slowSum({ flush: fail }), slowSum({ openAsync: fail })]) {
      const sink = new Recording();
      const run = dataflow('flow').from(new Counting(3)).step('slow', slow).to(sink).run();
      expect((await failure(run, 'STEP_FAILED')).at.step).toBe('slow');
      expect([slow.seen.closes, sink.finished, sink.abandoned]).toEqual([slow.seen.opens, 0, [false]]);
    }
  });

  it('in closing is a warning: all else is done', async () => {
    const warnings: string[] = [];
    const slow = slowSum({ close: () => Promise.reject(boom) });
    const report = await dataflow('flow')
      .from(new Counting(3))
      .step('slow', slow)
      .to(new Recording())
      .run({ onWarning: (message) => warnings.push(message) });
    expect(report.complete).toBe(true);
    expect(warnings).toEqual(['slow: batch 2, expected no error, got boom.']);
  });

  it('of the sink ends what the step is doing', async () => {
    const untilAborted = (signal: AbortSignal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const slow = slowSum({ before: (i, signal) => i === 2 && untilAborted(signal) });
    const sink = new Recording({
      write: (i) => (i === 1 ? tick(3).then(() => Promise.reject(boom)) : undefined),
    });
    const run = dataflow('flow').from(new Counting(9)).pipe(slow).to(sink).run();
    expect((await failure(run, 'SINK_FAILED')).cause).toBe(boom);
    expect([slow.seen.closes, slow.seen.overlaps]).toEqual([1, 0]);
  });
});

describe('an abort', () => {
  const why = new Error('the user has left');

  it.each(['step', 'flush'])(
    'while a %s waits forever is seen all the same, and the step is closed',
    async (where) => {
      const controller = new AbortController();
      const slow = slowSum({
        before: (i) => (where === 'step' && i === 1 ? forever : undefined),
        flush: () => (where === 'flush' ? forever : undefined),
      });
      const source = new Counting(3);
      const run = dataflow('flow')
        .from(source)
        .pipe(slow)
        .to(new Recording())
        .run({ signal: controller.signal });
      await tick(5);
      controller.abort(why);
      expect(await rejection(run)).toBe(why);
      expect([slow.seen.closes, source.ended]).toEqual([1, 1]);
    },
  );
});

describe('what is no step', () => {
  it('is refused at the call', () => {
    const steps = dataflow('flow').from(new Counting(1));
    expect(() => steps.step('a', {} as never)).toThrow(
      "flow: option step 'a', expected an operator, got {}.",
    );
    expect(() => steps.pipe({} as never)).toThrow('flow: option pipe 1, expected an operator, got {}.');
  });
});
