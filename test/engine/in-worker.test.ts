import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Binary, Dictionary, Int32, type RecordBatch, Table, Utf8, vectorFromArray } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compress, compressBatches, lightningAttention } from '../../operators/index.js';
import { collect } from '../../sinks/index.js';
import { fromTable } from '../../sources/index.js';
import { fromColumns, selectColumns } from '../../src/batches.js';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { inWorker } from '../../src/in-worker/in-worker.js';
import { f32, f64, i32 } from '../../src/layout.js';
import { perKey } from '../../src/per-key.js';
import { rebatch } from '../../src/rebatch.js';
import { stateless } from '../../src/stateless.js';
import { cells } from '../sources/helpers.js';
import { Counting, failure, Recording, rejection, runningSum, sumsUpTo, thrown, tick } from './helpers.js';

const MODULE = new URL('./in-worker-module.ts', import.meta.url);
const sum = () => inWorker({ module: MODULE, export: 'sum', options: { start: 0 } });
const sizes = { heads: 2, keyDim: 4, valueDim: 4 };

/** Batches of a key, of q, k, v, and of columns that no operator reads. */
function attentionBatches(count: number, rows = 23): RecordBatch[] {
  const dictionary = new Dictionary(new Utf8(), new Int32(), 1);
  return Array.from({ length: count }, (_, b) => {
    const values = (salt: number) =>
      Float32Array.from({ length: rows * 8 }, (_, i) => Math.fround(Math.sin(i + b * 97 + salt)));
    const batch = fromColumns({
      key: { type: i32(), values: Int32Array.from({ length: rows }, (_, i) => (i * 7 + b) % 5) },
      q: { type: f32(2, 4), values: values(1) },
      k: { type: f32(2, 4), values: values(2) },
      v: { type: f32(2, 4), values: values(3) },
    });
    const words = vectorFromArray(
      Array.from({ length: rows }, (_, i) => `word ${i % 3}`),
      dictionary,
    );
    return new Table({
      word: words,
      ...Object.fromEntries(batch.schema.names.map((name) => [name, batch.getChild(name as string)!])),
    }).batches[0]!;
  });
}

const bytesTable = (rows: readonly Uint8Array[]) => new Table({ bytes: vectorFromArray(rows, new Binary()) });

describe('an operator in a thread', () => {
  it('makes the rows that it makes without one, and leaves other columns as they are', async () => {
    const all = attentionBatches(4);
    const operators = [
      lightningAttention(sizes),
      lightningAttention({ ...sizes, columns: { o: 'memory' } }),
      perKey('key', lightningAttention(sizes), { maxKeys: 5 }),
      rebatch({ rows: 31 }),
      compressBatches(),
    ];
    for (const operator of operators) {
      const batches = all.map((batch) =>
        operator.name === 'compressBatches' ? selectColumns(batch, ['key', 'q', 'k', 'v']) : batch,
      );
      const sinks = [collect(), collect()] as const;
      await dataflow('flow').from(fromTable(batches)).pipe(operator).to(sinks[0]).run();
      await dataflow('flow').from(fromTable(batches)).pipe(inWorker(operator)).to(sinks[1]).run();
      expect(cells(sinks[1].batches)).toEqual(cells(sinks[0].batches));
      expect(sinks[1].batches.map(({ numRows }) => numRows)).toEqual(
        sinks[0].batches.map(({ numRows }) => numRows),
      );
      if (operator.name !== 'rebatch') {
        expect(sinks[1].table().schema.toString()).toBe(sinks[0].table().schema.toString());
      }
    }
  });

  it('has its place in a checkpoint: a killed run goes on to the same bytes, in a thread or without one', async () => {
    const batches = attentionBatches(9);
    const flowInto = (isThreaded: boolean, sink: Recording) => {
      const keyed = perKey('key', lightningAttention(sizes), { maxKeys: 5 });
      const first = stateless((batch) => {
        const o = batch.getChild('o')!.data[0]!.children[0]!.values as Float32Array;
        return fromColumns({ x: { type: f64(), values: Float64Array.from(o) } });
      });
      return dataflow('flow')
        .from(fromTable(batches))
        .step('keyed', isThreaded ? inWorker(keyed) : keyed)
        .pipe(first)
        .to(sink);
    };
    const whole = new Recording();
    await flowInto(false, whole).run();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        fc.boolean(),
        async (kill, before, after) => {
          const store = memoryStore();
          let mayFail = true;
          const sink = new Recording({
            write: (i) => {
              if (mayFail && i === kill) throw new Error('killed');
            },
          });
          await failure(
            flowInto(before, sink).run({ checkpoint: { store, everyBatches: 2 } }),
            'SINK_FAILED',
          );
          mayFail = false;
          await flowInto(after, sink).run({ checkpoint: { store, everyBatches: 2 } });
          expect(sink.values).toEqual(whole.values);
        },
      ),
      { numRuns: 4 },
    );
  });

  it('compresses to the same bytes, and the event loop stays free meanwhile', {
    timeout: 120_000,
  }, async () => {
    const text = new TextEncoder().encode(
      Array.from({ length: 3000 }, (_, i) => `${i}: ${Math.sin(i)} of the ${i % 17}th kind\n`).join(''),
    );
    const table = bytesTable(
      Array.from({ length: 4 }, (_, i) => text.subarray(i * 25_000, (i + 1) * 25_000)),
    );
    const measured = async (step: ReturnType<typeof inWorker> | ReturnType<typeof compress>) => {
      const sink = collect();
      const delay = monitorEventLoopDelay({ resolution: 5 });
      const flow = dataflow('flow')
        .from(fromTable(table, { batchRows: 1 }))
        .pipe(step)
        .to(sink);
      delay.enable();
      await flow.run();
      delay.disable();
      return { cells: cells(sink.batches), longestMs: delay.max / 1e6 };
    };
    const own = await measured(compress({ level: 5 }));
    const threaded = await measured(inWorker(compress({ level: 5 })));
    expect(threaded.cells).toEqual(own.cells);
    expect(own.longestMs / threaded.longestMs).toBeGreaterThan(2);
  });

  it('may be of a module, whose states say themselves whose they are', async () => {
    const sink = new Recording({ column: 'sum' });
    await dataflow('flow').from(new Counting(6)).pipe(sum()).to(sink).run();
    expect(sink.values).toEqual(sumsUpTo(24));
    const store = memoryStore();
    const flow = (start: number) =>
      dataflow('flow')
        .from(new Counting(6))
        .step('sum', inWorker({ module: MODULE, export: 'sum', options: { start } }))
        .to(new Recording({ column: 'sum' }));
    const live = flow(0).start({ checkpoint: { store } });
    await live.stop();
    await failure(flow(1).run({ checkpoint: { store } }), 'STATE_VERSION');
  });
});

describe('an error in a thread', () => {
  const failing = (how: string) => inWorker({ module: MODULE, export: 'failing', options: { at: 8, how } });
  const run = (how: string) =>
    dataflow('flow').from(new Counting(5)).step('fish', failing(how)).to(new Recording()).run();

  it('of ours has its code and place', async () => {
    const error = await failure(run('ours'), 'NOT_FINITE');
    expect(error.message).toBe('fish: fishing: no fish');
    expect(error.at).toEqual({ step: 'fish', batch: 2, row: 2, column: 'x' });
  });

  it('of a function is STEP_FAILED with its causes', async () => {
    const error = await failure(run('theirs'), 'STEP_FAILED');
    expect(error.message).toBe('fish: batch 2, expected no error, got not a fish.');
    const cause = error.cause as Error;
    expect([cause.message, (cause.cause as Error).message]).toEqual(['not a fish', 'a bird']);
    expect(cause.stack).toContain('in-worker-module');
  });

  it('that ends the thread is told as well', async () => {
    const error = await failure(run('exit'), 'STEP_FAILED');
    expect(error.message).toBe('fish: batch 2, expected no error, got the thread ended with code 3.');
  });

  it('of a missing column names the columns that the batch has', async () => {
    const flow = dataflow('flow')
      .from(new Counting(1))
      .step('memory', inWorker(lightningAttention(sizes)))
      .to(collect());
    const error = await failure(flow.run(), 'COLUMN_MISSING');
    expect(error.message).toMatch(/^memory: .*column 'q' is missing, .*got columns x\./);
  });

  it('of a module that is none, or exports none, is told with the first batch', async () => {
    for (const [of, expected] of [
      [{ module: new URL('./nowhere.ts', MODULE) }, /Cannot find module|nowhere/],
      [
        { module: MODULE, export: 'none' },
        /option export, expected an operator, or a function that makes one/,
      ],
    ] as const) {
      const error = (await rejection(
        dataflow('flow').from(new Counting(1)).step('none', inWorker(of)).to(collect()).run(),
      )) as Error;
      expect(error.message).toMatch(expected);
    }
  });
});

describe('an abort', () => {
  it('ends a thread that never comes back', async () => {
    const controller = new AbortController();
    const why = new Error('the user has left');
    const hanging = inWorker({ module: MODULE, export: 'hanging' });
    const run = dataflow('flow')
      .from(new Counting(3))
      .pipe(hanging)
      .to(new Recording())
      .run({ signal: controller.signal });
    await tick(50);
    controller.abort(why);
    expect(await rejection(run)).toBe(why);
  });
});

describe('what cannot run in a thread is refused at the call', () => {
  it.each([
    [
      'a function',
      stateless((batch) => batch),
      /of, expected an operator that a thread can make again .*say inWorker/,
    ],
    ['an operator of one’s own', runningSum({}), /of, expected an operator that a thread can make again/],
    [
      'evicted states',
      perKey('key', lightningAttention(sizes), { maxKeys: 5, onLimit: 'evict' }),
      /onLimit of perKey, expected 'error'/,
    ],
    ['nothing', undefined, /of, expected an operator, or \{ module/],
    ['a thread', inWorker(rebatch({ rows: 1 })), /of, expected an operator, or \{ module/],
  ])('%s', (_, of, message) => {
    expect(thrown(() => inWorker(of as never)).message).toMatch(message);
  });
});
