import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import type { Sink, SinkWriter } from '../../src/sink.js';
import type { Position, Source, SourceReading } from '../../src/source.js';
import { Counting, type CountingOptions, failure, Recording, tick, upTo } from './helpers.js';

/** A source that hears what is done with, and notes how. */
class Hearing implements Source {
  readonly name = 'hearing';
  readonly heard: Position[] = [];
  overlaps = 0;
  closes = 0;
  heardAfterClose = 0;
  readonly inner: Counting;
  readonly #answer: (position: Position) => void | Promise<void>;

  constructor(
    count: number,
    answer: (position: Position) => void | Promise<void> = () => {},
    options: CountingOptions = {},
  ) {
    this.inner = new Counting(count, options);
    this.#answer = answer;
  }

  read(from: Position | undefined, signal: AbortSignal): SourceReading {
    const batches = this.inner.read(from, signal);
    let isBusy = false;
    let isClosed = false;
    return {
      [Symbol.asyncIterator]: () => batches,
      committed: async (position) => {
        if (isBusy) this.overlaps++;
        if (isClosed) this.heardAfterClose++;
        isBusy = true;
        this.heard.push(position);
        await this.#answer(position);
        isBusy = false;
      },
      close: () => {
        isClosed = true;
        this.closes++;
      },
    };
  }
}

/** A sink that hears of checkpoints. */
function hearing(
  recording: Recording,
  heard: Position[],
  answer: () => void | Promise<void> = () => {},
): Sink {
  return {
    name: 'hearing sink',
    open(resume, signal): SinkWriter {
      const writer = recording.open(resume, signal);
      return {
        ...writer,
        committed(position) {
          heard.push(position);
          return answer();
        },
      };
    },
  };
}

const ascending = (positions: readonly Position[]) =>
  positions.every((position, i) => i === 0 || (position as number) > (positions[i - 1] as number));

describe('with checkpoints', () => {
  it('source and sink hear of each once it is kept, of the last one too, and the source is closed behind it', async () => {
    const memory = memoryStore();
    const kept: number[] = [];
    const store: typeof memory = {
      ...memory,
      write: async (sequence, bytes) => {
        await tick();
        await memory.write(sequence, bytes);
        kept.push(sequence);
      },
    };
    const source: Hearing = new Hearing(7, () =>
      expect(kept.length).toBeGreaterThanOrEqual(source.heard.length),
    );
    const sinkHeard: Position[] = [];
    const sink = hearing(new Recording(), sinkHeard, () => expect(kept.length).toBe(sinkHeard.length));
    await dataflow('flow')
      .from(source)
      .to(sink)
      .run({ checkpoint: { store, everyBatches: 3 } });
    expect(sinkHeard).toEqual([12, 24, 28]);
    expect(ascending([0, ...new Set(source.heard)])).toBe(true);
    expect(source.heard.at(-1)).toBe(7);
    expect([source.closes, source.heardAfterClose, source.overlaps]).toEqual([1, 0, 0]);
  });

  it('a source that is slow to hear does not hold up the flow, hears the newest, and is waited for at the end', async () => {
    let release = () => {};
    const first = new Promise<void>((resolve) => {
      release = resolve;
    });
    const source: Hearing = new Hearing(20, (position) => (position === 1 ? first : tick(5)));
    const sink = new Recording();
    const store = memoryStore();
    const run = dataflow('flow')
      .from(source)
      .to(sink)
      .run({ checkpoint: { store, everyBatches: 1 } });
    while (sink.values.length < 80) await tick(1);
    expect(source.heard).toEqual([1]);
    release();
    await run;
    expect(source.heard).toEqual([1, 20]);
    expect(source.overlaps).toBe(0);
  });

  it('a run that resumes tells first what its checkpoint holds: the one before may have died before it did', async () => {
    const store = memoryStore();
    const source: Hearing = new Hearing(9, () => {}, {
      before: (i) => (i === 5 && source.inner.begun === 1 ? Promise.reject(new Error('boom')) : undefined),
    });
    const sinkHeard: Position[] = [];
    const flow = dataflow('flow').from(source).to(hearing(new Recording(), sinkHeard));
    await failure(flow.run({ checkpoint: { store, everyBatches: 2 } }), 'SOURCE_FAILED');
    expect([source.heard.at(-1), sinkHeard]).toEqual([4, [8, 16]]);
    source.heard.length = 0;
    sinkHeard.length = 0;
    await flow.run({ checkpoint: { store, everyBatches: 2 } });
    expect([source.heard[0], sinkHeard[0]]).toEqual([4, 16]);
    expect([source.closes, source.heardAfterClose]).toEqual([2, 0]);
  });

  it('a stopped run tells what its last checkpoint holds', async () => {
    const source: Hearing = new Hearing(1000, () => {}, { before: () => tick() });
    const live = dataflow('flow')
      .from(source)
      .to(new Recording())
      .start({ checkpoint: { store: memoryStore() } });
    await tick(10);
    const { batches } = await live.stop();
    expect(source.heard).toEqual([batches]);
    expect(source.closes).toBe(1);
  });

  it('several sources and sinks each hear of their own positions', async () => {
    const a = new Hearing(3);
    const b = new Hearing(5);
    const heard: [Position[], Position[]] = [[], []];
    const sinks = heard.map((list) => hearing(new Recording(), list)) as [Sink, Sink];
    await dataflow('flow')
      .from(a, b)
      .to(...sinks)
      .run({ checkpoint: { store: memoryStore(), everyBatches: 2 } });
    expect([a.heard.at(-1), b.heard.at(-1), a.closes, b.closes]).toEqual([3, 5, 1, 1]);
    expect(heard).toEqual([
      [8, 16, 24, 32],
      [8, 16, 24, 32],
    ]);
  });
});

describe('without checkpoints', () => {
  it('the source hears of a batch once the sink has acknowledged it, and of the last before the end', async () => {
    const sink = new Recording({ write: (i) => (i % 3 ? tick(1) : undefined) });
    const source: Hearing = new Hearing(9, (position) =>
      expect(sink.values.length).toBeGreaterThanOrEqual((position as number) * 4),
    );
    await dataflow('flow').from(source).to(sink).run();
    expect(source.heard.at(-1)).toBe(9);
    expect(ascending(source.heard)).toBe(true);
    expect([source.overlaps, source.closes, sink.values]).toEqual([0, 1, upTo(36)]);
  });
});

describe('an error while hearing', () => {
  it('of a source is SOURCE_FAILED, though it is the last thing there is', async () => {
    for (const at of [2, 6]) {
      const source: Hearing = new Hearing(6, (position) => {
        if (position === at) throw new Error('broker gone');
      });
      const run = dataflow('flow')
        .from(source)
        .to(new Recording())
        .run({ checkpoint: { store: memoryStore(), everyBatches: 2 } });
      const error = await failure(run, 'SOURCE_FAILED');
      expect(error.message).toBe('hearing: hearing what is done with, expected to go on, got broker gone.');
      expect(source.closes).toBe(1);
    }
  });

  it('of a sink is SINK_FAILED, and the checkpoint stays', async () => {
    const store = memoryStore();
    const heard: Position[] = [];
    const broken = hearing(new Recording(), heard, () => Promise.reject(new Error('table gone')));
    const run = dataflow('flow')
      .from(new Counting(6))
      .to(broken)
      .run({ checkpoint: { store, everyBatches: 2 } });
    const error = await failure(run, 'SINK_FAILED');
    expect(error.message).toContain('hearing of a checkpoint');
    expect(await store.list()).toEqual([1]);
  });
});

describe('a sink that wants a checkpoint first', () => {
  it('has one kept before its first batch, and is opened with it by the next run', async () => {
    const store = memoryStore();
    const sink = new Recording({
      write: (i) => {
        if (i === 0) throw new Error('killed');
      },
    });
    const first: Sink = { name: 'first', checkpointFirst: true, open: (...args) => sink.open(...args) };
    const flow = dataflow('flow').from(new Counting(3)).to(first);
    await failure(flow.run({ checkpoint: { store } }), 'SINK_FAILED');
    expect(await store.list()).toEqual([1]);
    const report = await flow.run({ checkpoint: { store } });
    expect(report).toMatchObject({ resumedAt: 0, batches: 3 });
    expect([sink.opened, sink.values]).toEqual([[undefined, 0], upTo(12)]);
  });

  it('is heard among several, and runs without checkpoints as well', async () => {
    const store = memoryStore();
    const first = { ...sinkOf(new Recording()), checkpointFirst: true };
    await dataflow('flow').from(new Counting(0)).to(first, new Recording()).run({ checkpoint: { store } });
    expect(await store.list()).toEqual([1, 2]);
    await dataflow('flow').from(new Counting(3)).to(first).run();
  });
});

const sinkOf = (recording: Recording): Sink => ({
  name: recording.name,
  open: (resume, signal) => recording.open(resume, signal),
});
