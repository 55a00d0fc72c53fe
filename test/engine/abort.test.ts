import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { stateless } from '../../src/stateless.js';
import { Counting, forever, Recording, rejection, tick, upTo } from './helpers.js';

const why = new Error('the user has left');

/** Waits until the signal aborts, as a source or sink does that takes its signal seriously. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

describe('an abort', () => {
  it('before the start touches neither source nor sink', async () => {
    const source = new Counting(3);
    const sink = new Recording();
    const run = dataflow('flow')
      .from(source)
      .to(sink)
      .run({ signal: AbortSignal.abort(why) });
    expect(await rejection(run)).toBe(why);
    expect([source.begun, sink.opened.length]).toEqual([0, 0]);
  });

  it('while the source waits: rejects with the reason once the source has cleaned up', async () => {
    const controller = new AbortController();
    const source = new Counting(9, { before: (i, signal) => (i === 5 ? untilAborted(signal) : undefined) });
    const sink = new Recording();
    const run = dataflow('flow').from(source).to(sink).run({ signal: controller.signal });
    await tick(5);
    controller.abort(why);
    expect(await rejection(run)).toBe(why);
    expect([source.given, source.ended]).toEqual([5, 1]);
    expect([sink.abandoned, sink.values]).toEqual([[false], []]);
  });

  it('while the source waits forever and does not look at its signal: rejects all the same', async () => {
    const controller = new AbortController();
    const source = new Counting(9, { before: (i) => (i === 5 ? forever : undefined) });
    const sink = new Recording();
    const run = dataflow('flow').from(source).to(sink).run({ signal: controller.signal });
    await tick(5);
    controller.abort(why);
    expect(await rejection(run)).toBe(why);
    expect(sink.abandoned).toEqual([false]);
  });

  it('while the sink is blocked and looks at its signal: nothing more is written', async () => {
    const controller = new AbortController();
    const source = new Counting(9);
    const sink = new Recording({ write: (i, signal) => (i === 2 ? untilAborted(signal) : undefined) });
    const run = dataflow('flow').from(source).to(sink).run({ signal: controller.signal, credit: 3 });
    await tick(5);
    controller.abort(why);
    expect(await rejection(run)).toBe(why);
    expect([sink.written, source.ended, sink.abandoned]).toEqual([3, 1, [false]]);
  });

  it.each(['a write', 'finish'])(
    'while the sink is blocked forever in %s: rejects all the same',
    async (where) => {
      const controller = new AbortController();
      const source = new Counting(3);
      const sink = new Recording(where === 'finish' ? { finish: () => forever } : { write: () => forever });
      const run = dataflow('flow').from(source).to(sink).run({ signal: controller.signal });
      await tick(5);
      controller.abort(why);
      expect(await rejection(run)).toBe(why);
      expect([source.ended, sink.abandoned]).toEqual([1, [false]]);
    },
  );

  it('while the sink opens: a sink that opens all the same is let go', async () => {
    const controller = new AbortController();
    const sink = new Recording();
    const late = {
      name: 'late',
      async open(resume: undefined, signal: AbortSignal) {
        await tick(20);
        return sink.open(resume, signal);
      },
    };
    const source = new Counting(3);
    const run = dataflow('flow')
      .from(source)
      .to(late as never)
      .run({ signal: controller.signal });
    await tick();
    controller.abort(why);
    expect(await rejection(run)).toBe(why);
    expect([source.given, sink.abandoned]).toEqual([0, [false]]);
  });

  it('from within a step, and from within the source, is seen at once', async () => {
    for (const place of ['step', 'source']) {
      const controller = new AbortController();
      const source = new Counting(9, {
        before: (i) => place === 'source' && i === 3 && controller.abort(why),
      });
      const step = stateless((batch) => {
        if (place === 'step' && source.given > 3) controller.abort(why);
        return batch;
      });
      const sink = new Recording();
      const run = dataflow('flow').from(source).pipe(step).to(sink).run({ signal: controller.signal });
      expect(await rejection(run)).toBe(why);
      expect([source.ended, sink.finished, sink.abandoned]).toEqual([1, 0, [false]]);
    }
  });

  it('keeps what the sink has where there is a checkpoint, and the next run goes on from it', async () => {
    const controller = new AbortController();
    const store = memoryStore();
    const sink = new Recording();
    const source = new Counting(9, {
      before: (i, signal) => (i === 5 && !controller.signal.aborted ? untilAborted(signal) : undefined),
    });
    const flow = dataflow('flow').from(source).to(sink);
    const run = flow.run({ signal: controller.signal, checkpoint: { store, everyBatches: 2 } });
    await tick(5);
    controller.abort(why);
    expect(await rejection(run)).toBe(why);
    expect(sink.abandoned).toEqual([true]);
    const report = await flow.run({ checkpoint: { store, everyBatches: 2 } });
    expect(report).toMatchObject({ resumedAt: 4, rows: 36, complete: true });
    expect(sink.values).toEqual(upTo(36));
  });

  it('leaves no listener behind on a signal that outlives the run', async () => {
    const { signal } = new AbortController();
    let listening = 0;
    const counted = new Proxy(signal, {
      get(target, name) {
        if (name === 'addEventListener') listening++;
        if (name === 'removeEventListener') listening--;
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await dataflow('flow').from(new Counting(3)).to(new Recording()).run({ signal: counted });
    expect(listening).toBe(0);
  });
});
