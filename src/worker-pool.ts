/**
 * Worker threads for kernels. A crew is one compiled module on one shared memory, instantiated in every thread: a call
 * is then a name and some numbers, handed over in shared memory and awaited without leaving the call.
 *
 * Threads are started when first needed and shared by all crews. They hold no state: which thread ran what cannot show
 * in a result. Where there are none (in browsers, whose main thread may not wait), `openCrew` gives undefined.
 */
import type { Worker } from 'node:worker_threads';

/** Threads that run one module on one memory; the caller is the first of them. */
export interface Crew {
  /** Calls an export once for each list of arguments, each in a thread of its own. Gives what each call gave. */
  call(name: string, argumentLists: readonly (readonly number[])[]): number[];
}

const MOST_ARGUMENTS = 60;
/** Int32 words at the front of a thread's mailbox: number of the newest call, of the newest done, crew, export, count. */
enum Word {
  Called,
  Done,
  Crew,
  Export,
  Count,
  Failed,
}
const WORD_BYTES = 32;
const MAILBOX_BYTES = WORD_BYTES + 8 * MOST_ARGUMENTS;
/** How often a thread looks before it goes to sleep: waking up takes longer than a short call. */
const LOOKS = 2_000;
const WAIT_LIMIT_MS = 300_000;

/** What a thread runs. It is text, so that it needs no file and no loader, whatever this package was built or run with. */
const PROGRAM = `
const { parentPort, receiveMessageOnPort, workerData } = process.getBuiltinModule('node:worker_threads');
const { mailbox, looks, wordBytes } = workerData;
const words = new Int32Array(mailbox, 0, wordBytes / 4);
const numbers = new Float64Array(mailbox, wordBytes);
const crews = new Map();
const [CALLED, DONE, CREW, EXPORT, COUNT, FAILED] = [0, 1, 2, 3, 4, 5];

function receive() {
  for (let got = receiveMessageOnPort(parentPort); got; got = receiveMessageOnPort(parentPort)) {
    const { id, module, memory, stackTop } = got.message;
    if (module === undefined) { crews.delete(id); continue; }
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    exports.__stack_pointer.value = stackTop;
    crews.set(id, WebAssembly.Module.exports(module).map(({ name }) => exports[name]));
  }
}

for (let call = 0; ; ) {
  for (let look = 0; look < looks && Atomics.load(words, CALLED) === call; look++);
  Atomics.wait(words, CALLED, call);
  call = Atomics.load(words, CALLED);
  words[FAILED] = 0;
  try {
    receive();
    numbers[0] = crews.get(words[CREW])[words[EXPORT]](...numbers.subarray(0, words[COUNT]));
  } catch {
    words[FAILED] = 1;
  }
  Atomics.store(words, DONE, call);
  Atomics.notify(words, DONE);
}
`;

class Thread {
  readonly #worker: Worker;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;

  constructor(make: typeof Worker) {
    const mailbox = new SharedArrayBuffer(MAILBOX_BYTES);
    this.#words = new Int32Array(mailbox, 0, WORD_BYTES / 4);
    this.#numbers = new Float64Array(mailbox, WORD_BYTES);
    const workerData = { mailbox, looks: LOOKS, wordBytes: WORD_BYTES };
    this.#worker = new make(PROGRAM, { eval: true, execArgv: [], workerData });
    this.#worker.unref();
  }

  /** Tells the thread of a crew, or that one is gone; it takes notice at its next call. */
  tell(message: object): void {
    this.#worker.postMessage(message);
  }

  start(crew: number, entry: number, values: readonly number[]): void {
    const words = this.#words;
    this.#numbers.set(values);
    words[Word.Crew] = crew;
    words[Word.Export] = entry;
    words[Word.Count] = values.length;
    Atomics.add(words, Word.Called, 1);
    Atomics.notify(words, Word.Called);
  }

  finish(): number {
    const words = this.#words;
    const called = Atomics.load(words, Word.Called);
    for (let look = 0; look < LOOKS && Atomics.load(words, Word.Done) !== called; look++);
    while (Atomics.load(words, Word.Done) !== called) {
      if (Atomics.wait(words, Word.Done, called - 1, WAIT_LIMIT_MS) === 'timed-out') {
        throw new Error(`worker thread: no answer within ${WAIT_LIMIT_MS / 1000} s`);
      }
    }
    if (words[Word.Failed] === 1) throw new Error('worker thread: a kernel failed');
    return this.#numbers[0]!;
  }
}

/** The threads of this process, which crews come and go in. */
class Pool {
  readonly #make: typeof Worker;
  readonly #threads: Thread[] = [];
  readonly #gone = new FinalizationRegistry<{ readonly id: number; readonly threads: readonly Thread[] }>(
    ({ id, threads }) => {
      for (const thread of threads) thread.tell({ id });
    },
  );
  #crews = 0;

  constructor(make: typeof Worker) {
    this.#make = make;
  }

  open(module: WebAssembly.Module, memory: WebAssembly.Memory, stackTops: readonly number[]): Crew {
    while (this.#threads.length < stackTops.length) this.#threads.push(new Thread(this.#make));
    const threads = this.#threads.slice(0, stackTops.length);
    const id = this.#crews++;
    threads.forEach((thread, i) => {
      thread.tell({ id, module, memory, stackTop: stackTops[i] });
    });
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const crew: Crew = {
      call(name, [own, ...others]) {
        const entry = names.indexOf(name);
        others.forEach((values, i) => {
          threads[i]!.start(id, entry, values);
        });
        const result = own && (exports[name] as (...values: number[]) => number)(...own);
        return [result ?? 0, ...others.map((_, i) => threads[i]!.finish())];
      },
    };
    this.#gone.register(crew, { id, threads });
    return crew;
  }
}

const pool = once(() => {
  const make = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.Worker;
  return make && new Pool(make);
});

function once<A>(make: () => A): () => A {
  let made: { readonly value: A } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/**
 * A crew of the caller and as many threads as there are stacks (the ends of areas of the memory that nobody else uses),
 * or undefined where this platform has none. The module is a build for shared memory.
 */
export const openCrew = (
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  stackTops: readonly number[],
): Crew | undefined => pool()?.open(module, memory, stackTops);

/** Whether there are threads that a caller may wait for. */
export const hasThreads = (): boolean => pool() !== undefined;
