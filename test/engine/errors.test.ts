import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { columnMissing, DataflowError } from '../../src/errors.js';
import { stateless } from '../../src/stateless.js';
import { batchOf, Counting, failure, Recording, rejection, runningSum, tick, upTo } from './helpers.js';

const disk = new Error('disk on fire');
const fail = (error: unknown) => (): never => {
  throw error;
};

describe('an error of the source', () => {
  it('is SOURCE_FAILED with the cause; what the source had given is not left in the sink', async () => {
    const source = new Counting(9, { name: 'tape', before: (i) => i === 3 && fail(disk)() });
    const sink = new Recording();
    const error = await failure(dataflow('flow').from(source).to(sink).run(), 'SOURCE_FAILED');
    expect(error.message).toBe('tape: reading, expected the next batch, got disk on fire.');
    expect(error.cause).toBe(disk);
    expect([source.ended, sink.abandoned, sink.finished]).toEqual([1, [false], 0]);
  });

  it('stays as it is where it is one of ours', async () => {
    const own = new DataflowError('TRUNCATED_INPUT', 'tape: cut off');
    const source = new Counting(9, { before: fail(own) });
    expect(await rejection(dataflow('flow').from(source).to(new Recording()).run())).toBe(own);
  });

  it('is told though the source fails before it gives an iterator', async () => {
    const source = { name: 'tape', read: fail(disk) };
    const sink = new Recording();
    const error = await failure(dataflow('flow').from(source).to(sink).run(), 'SOURCE_FAILED');
    expect([error.cause, sink.abandoned]).toEqual([disk, [false]]);
  });

  it('is told while the sink is blocked, which then is let go', async () => {
    const source = new Counting(9, { before: (i) => i === 1 && fail(disk)() });
    const sink = new Recording({
      write: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve());
        }),
    });
    const error = await failure(dataflow('flow').from(source).to(sink).run(), 'SOURCE_FAILED');
    expect([error.cause, sink.abandoned, sink.overlaps]).toEqual([disk, [false], 0]);
  });
});

describe('an error of a step', () => {
  it('of a function is STEP_FAILED with step, batch and cause, once; the source cleans up', async () => {
    const source = new Counting(9);
    const sink = new Recording();
    let calls = 0;
    const step = stateless((batch) => (++calls === 3 ? fail(disk)() : batch));
    const flow = dataflow('flow').from(source).step('clean', step).pipe(runningSum({})).to(sink);
    const error = await failure(flow.run(), 'STEP_FAILED');
    expect(error.message).toBe('clean: batch 2, expected no error, got disk on fire.');
    expect(error.at).toEqual({ step: 'clean', batch: 2 });
    expect(error.cause).toBe(disk);
    expect([calls, source.ended, sink.abandoned]).toEqual([3, 1, [false]]);
  });

  it('of ours keeps its code and says step and batch, those of the step that failed', async () => {
    const source = new Counting(9);
    const rename = stateless((batch) => (source.given > 3 ? batchOf([1], 'y') : batch));
    const flow = dataflow('flow')
      .from(source)
      .step('rename', rename)
      .step('sum', runningSum({}))
      .to(new Recording());
    const error = await failure(flow.run({ credit: 1 }), 'COLUMN_MISSING');
    expect(error.at).toMatchObject({ step: 'sum', batch: 3, column: 'x' });
    expect(error.message).toMatch(/^sum: /);
  });

  it('writes nothing of the batch in which it happens', async () => {
    const several = stateless((batch) => [batch, batch]);
    let calls = 0;
    const step = stateless((batch) => (++calls === 4 ? fail(disk)() : batch));
    const sink = new Recording();
    await failure(dataflow('flow').from(new Counting(9)).pipe(several, step).to(sink).run(), 'STEP_FAILED');
    expect(sink.written).toBe(2);
  });

  it('in a flush ends the run before the sink is finished', async () => {
    const sink = new Recording();
    const sum = runningSum({});
    const broken = Object.assign((...args: Parameters<typeof sum>) => sum(...args), sum, {
      open: () => ({ ...sum.open(), step: () => {}, flush: fail(disk) }),
    });
    const flow = dataflow('flow').from(new Counting(2)).step('sum', broken).to(sink);
    await failure(flow.run(), 'STEP_FAILED');
    expect([sink.finished, sink.abandoned]).toEqual([0, [false]]);
  });

  it('does not wait for a source that was asked ahead and has nothing to say', async () => {
    const source = new Counting(9, {
      before: (i, signal) =>
        i === 1
          ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
          : undefined,
    });
    await failure(
      dataflow('flow')
        .from(source)
        .pipe(stateless(fail(disk)))
        .to(new Recording())
        .run(),
      'STEP_FAILED',
    );
    expect(source.ended).toBe(1);
  });
});

describe('an error of the sink', () => {
  it.each([
    ['at once', (i: number) => (i === 2 ? fail(disk)() : undefined)],
    ['later', (i: number) => tick().then(() => (i === 2 ? fail(disk)() : undefined))],
  ])('in a write, %s, is SINK_FAILED with the cause, once, and nothing more is written', async (_, write) => {
    const source = new Counting(9);
    const sink = new Recording({ name: 'paper', write });
    const error = await failure(dataflow('flow').from(source).to(sink).run(), 'SINK_FAILED');
    expect(error.message).toBe('paper: writing, expected room for a batch, got disk on fire.');
    expect(error.cause).toBe(disk);
    expect([sink.written, source.ended, sink.abandoned]).toEqual([3, 1, [false]]);
  });

  it('in opening or finishing is SINK_FAILED; a sink that did not open is not abandoned', async () => {
    const broken = { name: 'paper', open: fail(disk) };
    const source = new Counting(3);
    const opening = await failure(dataflow('flow').from(source).to(broken).run(), 'SINK_FAILED');
    expect(opening.message).toContain('paper: opening');
    expect(source.begun).toBe(0);

    const sink = new Recording({ finish: fail(disk) });
    const finishing = await failure(dataflow('flow').from(source).to(sink).run(), 'SINK_FAILED');
    expect(finishing.message).toContain('recording: finishing');
    expect(sink.abandoned).toEqual([false]);
  });

  it('in telling its position is SINK_FAILED, and what was there before stays resumable', async () => {
    const store = memoryStore();
    const sink = new Recording();
    let isBroken = false;
    const flow = dataflow('flow')
      .from(new Counting(9))
      .to({
        name: 'paper',
        open: (resume, signal) => {
          const writer = sink.open(resume, signal);
          const position = () => (isBroken ? fail(disk)() : writer.position());
          const write: typeof writer.write = (batch) => {
            if (sink.values.length >= 16) isBroken = true;
            return writer.write(batch);
          };
          return { ...writer, position, write };
        },
      });
    const error = await failure(flow.run({ checkpoint: { store, everyBatches: 3 } }), 'SINK_FAILED');
    expect(error.message).toContain('telling its position');
    expect(sink.abandoned).toEqual([true]);
  });

  it('in cleaning up does not hide the error that led there', async () => {
    const own = columnMissing('a', 'x', 'x', []);
    const sink = {
      name: 'paper',
      open: () => ({ ...new Recording().open(undefined, new AbortController().signal), abandon: fail(disk) }),
    };
    expect(
      await rejection(
        dataflow('flow')
          .from(new Counting(3, { before: fail(own) }))
          .to(sink)
          .run(),
      ),
    ).toBe(own);
  });
});

describe('an error of the checkpoint store', () => {
  it('is one of ours with the cause, whatever the store throws', async () => {
    const flow = dataflow('flow').from(new Counting(3)).to(new Recording());
    const store = memoryStore();
    const writing = await failure(
      flow.run({ checkpoint: { store: { ...store, write: async () => fail(disk)() } } }),
      'SINK_FAILED',
    );
    const listing = await failure(
      flow.run({ checkpoint: { store: { ...store, list: async () => fail(disk)() } } }),
      'SOURCE_FAILED',
    );
    expect([writing.cause, listing.cause]).toEqual([disk, disk]);
  });

  it('leaves what an earlier checkpoint covers', async () => {
    const store = memoryStore();
    let writes = 0;
    const breaking = {
      ...store,
      write: (...args: Parameters<typeof store.write>) =>
        ++writes > 2 ? fail(disk)() : store.write(...args),
    };
    const sink = new Recording();
    const flow = dataflow('flow').from(new Counting(9)).to(sink);
    await failure(flow.run({ checkpoint: { store: breaking, everyBatches: 2 } }), 'SINK_FAILED');
    expect(await flow.run({ checkpoint: { store } })).toMatchObject({ resumedAt: 4 });
    expect(sink.values).toEqual(upTo(36));
  });
});
