/**
 * Worker threads for kernels. A crew is one compiled module on one shared memory, instantiated in every thread: a call
 * is then a name and some numbers on a board, taken by whoever is free and awaited without leaving the call.
 *
 * Threads are started when first needed and shared by all crews. They hold no state: which thread ran what cannot show
 * in a result. Where there are none (in browsers, whose main thread may not wait), `openCrew` gives undefined.
 */
import type { Worker } from 'node:worker_threads';
import { once } from './once.js';
import { Board, WORKER } from './worker-board.js';

/** Threads that run one module on one memory; the caller is the first of them. */
export interface Crew {
  /**
   * Calls an export once for each list of arguments, each in whichever thread is free. `meanwhile` is what the caller
   * does before it takes calls itself. Gives what each call gave, in their order.
   */
  call(name: string, argumentLists: readonly (readonly number[])[], meanwhile?: () => void): number[];
}

/** What a thread runs. It is text, so that it needs no file and no loader, whatever this package was built or run with. */
const PROGRAM = `
const { parentPort, receiveMessageOnPort, workerData } = process.getBuiltinModule('node:worker_threads');
const { board, thread } = workerData;
const crews = new Map();
let heard = 0;

function callsOf(crew, told) {
  if (told === heard) return crews.get(crew);
  heard = told;
  for (let got = receiveMessageOnPort(parentPort); got; got = receiveMessageOnPort(parentPort)) {
    const { id, module, memory, stackTop } = got.message;
    if (module === undefined) { crews.delete(id); continue; }
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    exports.__stack_pointer.value = stackTop;
    crews.set(id, WebAssembly.Module.exports(module).map(({ name }) => exports[name]));
  }
  return crews.get(crew);
}
${WORKER}`;

/** The threads of this process, which crews come and go in. */
class Pool {
  readonly #make: typeof Worker;
  readonly #board = new Board();
  readonly #threads: Worker[] = [];
  readonly #gone = new FinalizationRegistry<{ readonly id: number; readonly threads: number }>(
    ({ id, threads }) => {
      for (const thread of this.#threads.slice(0, threads)) thread.postMessage({ id });
    },
  );
  #crews = 0;

  constructor(make: typeof Worker) {
    this.#make = make;
  }

  open(module: WebAssembly.Module, memory: WebAssembly.Memory, stackTops: readonly number[]): Crew {
    const threads = stackTops.length;
    while (this.#threads.length < threads) this.#start();
    const id = this.#crews++;
    stackTops.forEach((stackTop, i) => {
      this.#threads[i]!.postMessage({ id, module, memory, stackTop });
    });
    this.#board.tell();
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const crew: Crew = {
      call: (name, argumentLists, meanwhile = () => {}) => {
        const own = exports[name] as (...values: number[]) => number;
        return this.#board.run(id, names.indexOf(name), own, argumentLists, threads, meanwhile);
      },
    };
    this.#gone.register(crew, { id, threads });
    return crew;
  }

  #start(): void {
    const workerData = { board: this.#board.memory, thread: this.#threads.length };
    const thread = new this.#make(PROGRAM, { eval: true, execArgv: [], workerData });
    thread.unref();
    this.#threads.push(thread);
  }
}

const pool = once(() => {
  const make = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.Worker;
  return make && new Pool(make);
});

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
