/**
 * An operator in a thread, as seen from outside: an asynchronous step at work.
 */
import type { RecordBatch } from 'apache-arrow';
import type { OpenAsyncOperator } from '../async-operator.js';
import { optionRange } from '../errors.js';
import { BatchDecoder, BatchEncoder, type BatchMessage, memoryOf } from './batch-messages.js';
import type { ColumnsToSend } from './columns-to-send.js';
import { errorOf, type Reply, type Request, type ThreadTask } from './thread-messages.js';

export class Thread implements OpenAsyncOperator {
  readonly #worker: import('node:worker_threads').Worker;
  readonly #encoder = new BatchEncoder();
  readonly #decoder: BatchDecoder;
  readonly #columns: ColumnsToSend | undefined;
  #settle: { resolve(reply: Reply): void; reject(error: unknown): void } | undefined;
  /** What ended the thread before it was let go. */
  #end: { readonly error: unknown } | undefined;

  constructor(who: string, task: ThreadTask, columns: ColumnsToSend | undefined) {
    this.#decoder = new BatchDecoder(who);
    this.#columns = columns;
    this.#worker = startThread(task);
    this.#worker.on('message', (reply: Reply) => this.#settle?.resolve(reply));
    this.#worker.on('messageerror', (error) => this.#fail(error));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`the thread ended with code ${code}`)));
  }

  async step(batch: RecordBatch, signal: AbortSignal): Promise<RecordBatch[]> {
    const part = this.#columns?.sent(batch) ?? batch;
    const message = this.#encoder.encode(part);
    const answers = await this.#batches({ step: message }, [message], signal);
    if (this.#columns === undefined) return answers;
    return answers.map((answer) => this.#columns!.received(batch, part, answer));
  }

  flush(signal: AbortSignal): Promise<RecordBatch[]> {
    return this.#batches({ flush: true }, [], signal);
  }

  async snapshot(): Promise<Uint8Array> {
    const reply = await this.#ask({ snapshot: true });
    return 'state' in reply ? reply.state : new Uint8Array();
  }

  async restore(bytes: Uint8Array): Promise<void> {
    await this.#ask({ restore: bytes });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  async #batches(
    request: Request,
    sent: readonly BatchMessage[],
    signal: AbortSignal,
  ): Promise<RecordBatch[]> {
    const reply = await this.#ask(request, memoryOf(sent), signal);
    return 'batches' in reply ? reply.batches.map((message) => this.#decoder.decode(message)) : [];
  }

  async #ask(request: Request, memory: ArrayBuffer[] = [], signal?: AbortSignal): Promise<Reply> {
    if (this.#end !== undefined) throw this.#end.error;
    const aborted = () => this.#settle?.reject(signal?.reason);
    signal?.addEventListener('abort', aborted);
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        this.#settle = { resolve, reject };
        this.#worker.postMessage(request, memory);
      });
      if ('error' in reply) throw errorOf(reply.error);
      return reply;
    } finally {
      this.#settle = undefined;
      signal?.removeEventListener('abort', aborted);
    }
  }

  #fail(error: unknown): void {
    this.#end ??= { error };
    this.#settle?.reject(error);
  }
}

function startThread(workerData: ThreadTask) {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (threads === undefined) {
    throw optionRange('inWorker', 'of', 'worker threads, which Node has', 'a platform without them');
  }
  if (import.meta.url.endsWith('.js'))
    return new threads.Worker(new URL('./thread.js', import.meta.url), { workerData });
  // Run from its source, the thread needs the loader that reads it.
  const program = JSON.stringify(new URL('./thread.ts', import.meta.url).href);
  const boot = `import('tsx/esm/api').then(({ register }) => { register(); return import(${program}); })`;
  return new threads.Worker(boot, { eval: true, workerData });
}

/** What a thread imports a module by: a package's name and a URL as they are, a path as a URL. */
export function importable(module: string): string {
  const path = globalThis.process?.getBuiltinModule?.('node:path');
  const url = globalThis.process?.getBuiltinModule?.('node:url');
  if (path === undefined || url === undefined) return module;
  return path.isAbsolute(module) || module.startsWith('.') ? url.pathToFileURL(module).href : module;
}
