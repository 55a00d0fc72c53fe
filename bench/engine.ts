/**
 * What the engine costs a batch: five operators that do nothing, between the same source and the same sink, in our
 * engine and in what else JavaScript offers to chain them with.
 *
 * Every contender reads the same async generator over the same batches. A bare Subject chain pushes without asking
 * whether the sink has kept up; the others wait for it.
 */
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RecordBatch } from 'apache-arrow';
import { concatMap, from, lastValueFrom, map, type Observable, Subject } from 'rxjs';
import { dataflow } from '../src/dataflow.js';
import { defineOperator } from '../src/define-operator.js';
import { i64 } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import type { Sourced } from '../src/source.js';
import { stateless } from '../src/stateless.js';
import { numbered } from './support/batches.js';
import { type Contender, medians } from './support/medians.js';
import type { Result } from './support/results.js';

const BATCHES = 20_000;
const ROUNDS = 15;
const CREDIT = 2;
const OPERATORS = 5;

type Write = (batch: RecordBatch) => void | Promise<void>;
type Step = (batch: RecordBatch) => RecordBatch;

const same: Step = (batch) => batch;
const steps = (step: Step): Step[] => Array.from({ length: OPERATORS }, () => step);
const batches = Array.from({ length: 64 }, (_, i) => numbered(16, i * 16));

async function* source(): AsyncGenerator<Sourced> {
  for (let i = 0; i < BATCHES; i++) yield { batch: batches[i % batches.length]!, next: i + 1 };
}

/** What every contender writes to; it fails the bench where a batch is missing. */
class Sink {
  #written = 0;
  readonly write: Write;

  constructor(answer: () => void | Promise<void>) {
    this.write = () => {
      this.#written++;
      return answer();
    };
  }

  check(who: string): void {
    if (this.#written !== BATCHES)
      throw new Error(`${who}: expected ${BATCHES} batches, got ${this.#written}`);
  }
}

async function ours(write: Write, operators: readonly Operator[]): Promise<void> {
  const writer = { write, position: () => 0, finish() {}, abandon() {}, bytes: 0 };
  await dataflow('bench')
    .from({ name: 'source', read: source })
    .pipe(...operators)
    .to({ name: 'sink', open: () => writer })
    .run({ credit: CREDIT });
}

const subjectChain = (subject: Subject<RecordBatch>): Observable<RecordBatch> =>
  steps(same).reduce<Observable<RecordBatch>>((chain, step) => chain.pipe(map(step)), subject);

async function bareSubject(write: Write): Promise<void> {
  const subject = new Subject<RecordBatch>();
  subjectChain(subject).subscribe((batch) => void write(batch));
  for await (const { batch } of source()) subject.next(batch);
}

/** The least that does what our engine does: pull while there is credit, push, acknowledge in order. */
async function subjectWithCredit(write: Write): Promise<void> {
  const subject = new Subject<RecordBatch>();
  const queue: RecordBatch[] = [];
  let inFlight = 0;
  let isWriting = false;
  let wake = () => {};
  const writeAll = async () => {
    isWriting = true;
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      await write(batch);
      inFlight--;
      wake();
    }
    isWriting = false;
  };
  subjectChain(subject).subscribe((batch) => {
    queue.push(batch);
    if (!isWriting) void writeAll();
  });
  const room = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  for await (const { batch } of source()) {
    inFlight++;
    subject.next(batch);
    while (inFlight >= CREDIT) await room();
  }
  while (inFlight > 0) await room();
}

async function fromAsyncIterable(write: Write): Promise<void> {
  const subject = from(source()).pipe(map(({ batch }) => batch));
  const chain = steps(same).reduce<Observable<RecordBatch>>(
    (before, step) => before.pipe(map(step)),
    subject,
  );
  await lastValueFrom(chain.pipe(concatMap(async (batch) => write(batch))));
}

async function asyncGenerators(write: Write): Promise<void> {
  async function* through(input: AsyncIterable<RecordBatch>, step: Step) {
    for await (const batch of input) yield step(batch);
  }
  async function* only(input: AsyncIterable<Sourced>) {
    for await (const { batch } of input) yield batch;
  }
  for await (const batch of steps(same).reduce<AsyncIterable<RecordBatch>>(through, only(source()))) {
    const written = write(batch);
    if (written !== undefined) await written;
  }
}

async function nodeStreams(write: Write): Promise<void> {
  const transform = (step: Step) =>
    new Transform({
      objectMode: true,
      highWaterMark: CREDIT,
      transform: (batch: RecordBatch, _encoding, done) => done(null, step(batch)),
    });
  const unwrap = new Transform({
    objectMode: true,
    highWaterMark: CREDIT,
    transform: ({ batch }: Sourced, _encoding, done) => done(null, batch),
  });
  const sink = new Writable({
    objectMode: true,
    highWaterMark: CREDIT,
    write(batch: RecordBatch, _encoding, done) {
      const written = write(batch);
      if (written === undefined) done();
      else written.then(() => done(), done);
    },
  });
  const input = Readable.from(source(), { highWaterMark: CREDIT });
  await pipeline([input, unwrap, ...steps(same).map(transform), sink]);
}

async function webStreams(write: Write): Promise<void> {
  const iterator = source();
  const input = new ReadableStream<Sourced>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const through = (step: Step) =>
    new TransformStream<RecordBatch, RecordBatch>({
      transform: (batch, controller) => controller.enqueue(step(batch)),
    });
  const unwrapped = input.pipeThrough(
    new TransformStream<Sourced, RecordBatch>({
      transform: ({ batch }, controller) => controller.enqueue(batch),
    }),
  );
  const chain = steps(same).reduce((before, step) => before.pipeThrough(through(step)), unwrapped);
  await chain.pipeTo(new WritableStream({ write: (batch) => write(batch) }));
}

const passThrough = Array.from({ length: OPERATORS }, () => stateless(same));

async function compared(title: string, answer: () => void | Promise<void>): Promise<Result> {
  const against: Readonly<Record<string, (write: Write) => Promise<void>>> = {
    'chunkwise, credit 2': (write) => ours(write, passThrough),
    'Subject chain with credit': subjectWithCredit,
    'bare Subject chain': bareSubject,
    'from(asyncIterable)': fromAsyncIterable,
    'async generators': asyncGenerators,
    'Node object streams': nodeStreams,
    'Web TransformStreams': webStreams,
  };
  const contenders = Object.entries(against).map(
    ([name, run]): Contender => ({
      name,
      run: async () => {
        const sink = new Sink(answer);
        await run(sink.write);
        sink.check(name);
      },
    }),
  );
  const timings = await medians(contenders, ROUNDS);
  const base = timings[0]!.medianMs;
  const rows = timings.map(({ name, medianMs, spread }) => ({
    engine: name,
    'ns a batch': Math.round((medianMs * 1e6) / BATCHES),
    'times ours': medianMs / base,
    spread: `${Math.round(spread * 100)} %`,
    backpressure: name === 'bare Subject chain' || name === 'from(asyncIterable)' ? 'none' : 'yes',
  }));
  return { title, rows };
}

/** A running sum: the least that keeps a state and makes a column. */
const runningSum = (place: number) =>
  defineOperator({
    name: 'runningSum',
    version: 1,
    summary: 'the sum of all rows so far',
    options: {},
    check: () => ({}),
    inputs: () => ({ x: i64() }),
    outputs: () => ({ sum: i64() }),
    layout: () => ({ total: i64() }),
    step({ state }, { numRows, x, sum }) {
      let total = state.total[0]!;
      for (let t = 0; t < numRows; t++) sum[t] = total += x[t]!;
      state.total[0] = total;
    },
    tolerance: 0,
    examples: [{}],
  })({ columns: { sum: `sum${place}` } });

async function growing(): Promise<Result> {
  const makers: readonly (readonly [string, (length: number) => Operator[]])[] = [
    ['stateless', (length) => Array.from({ length }, () => stateless(same))],
    [
      'a running sum of 16 rows, as a new column',
      (length) => Array.from({ length }, (_, i) => runningSum(i)),
    ],
  ];
  const cases = makers.flatMap(([what, make]) => [0, 1, 5].map((length) => ({ what, length, make })));
  const contenders = cases.map(({ what, length, make }): Contender => {
    const operators = make(length);
    return { name: `${length} × ${what}`, run: () => ours(() => {}, operators) };
  });
  const timings = await medians(contenders, ROUNDS);
  const rows = timings.map(({ name, medianMs }, i) => ({
    operators: name,
    'ns a batch': Math.round((medianMs * 1e6) / BATCHES),
    'ns an operator':
      cases[i]!.length === 0
        ? '–'
        : `${Math.round(((medianMs - timings[i - (i % 3)]!.medianMs) * 1e6) / BATCHES / cases[i]!.length)}`,
  }));
  return { title: 'What an operator adds', rows };
}

export async function bench(): Promise<Result[]> {
  return [
    await compared(
      `Five operators that do nothing, ${BATCHES} batches, a sink that answers at once`,
      () => {},
    ),
    await compared('The same, a sink that answers with a promise', () => Promise.resolve()),
    await growing(),
  ];
}
