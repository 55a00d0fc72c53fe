/**
 * Threads that code the streams of one file. Which thread works on a stream changes nothing of the bytes.
 */
import { Worker } from 'node:worker_threads';
import type { Frame } from '../../../operators/compression/container.js';
import type { StreamParameters } from '../../../operators/compression/parameters.js';
import { DataflowError } from '../../errors.js';
import type { Done } from './byte-progress.js';

/** A block to code, or a frame to decode. */
export interface Task {
  readonly id: number;
  readonly stream: number;
  readonly block?: Uint8Array;
  readonly frame?: Frame;
}

/** How far a task has come since it last said so; or what came of it. */
export interface Answer {
  readonly id: number;
  readonly progress?: Done;
  readonly frames?: readonly Frame[];
  readonly raw?: Uint8Array;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface Threads {
  readonly threads: number;
  /** Hears of bytes as they are done. */
  readonly onProgress: (more: Done) => void;
  /** When it aborts, all that was asked for fails. */
  readonly signal: AbortSignal;
}

export class Lanes {
  readonly #threads: readonly Worker[];
  readonly #waiting = new Map<number, Waiting>();
  readonly #onProgress: (more: Done) => void;
  #tasks = 0;

  /** Starts threads, but no more than there are streams. */
  constructor(parameters: StreamParameters, { threads, onProgress, signal }: Threads) {
    this.#onProgress = onProgress;
    signal.addEventListener('abort', () => this.#fail(signal.reason), { once: true });
    const script = new URL('./lane-worker.js', import.meta.url);
    this.#threads = Array.from({ length: Math.min(threads, parameters.streams) }, () => {
      const thread = new Worker(script, { workerData: parameters });
      thread.on('message', (answer: Answer) => this.#hear(answer));
      thread.on('error', (error) => this.#fail(outOfMemory(error.message)));
      return thread;
    });
  }

  /** The frames of a stream's next block. */
  async encode(stream: number, block: Uint8Array): Promise<readonly Frame[]> {
    const { frames } = await this.#ask({ stream, block });
    return frames!;
  }

  /** The raw bytes of a stream's next frame, not yet held against its checksum. */
  async decode(stream: number, frame: Frame): Promise<Uint8Array> {
    const { raw } = await this.#ask({ stream, frame });
    return raw!;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #ask(task: Omit<Task, 'id'>): Promise<Answer> {
    const id = this.#tasks++;
    this.#threads[task.stream % this.#threads.length]!.postMessage({ ...task, id });
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    // Who asked may have failed for another reason, and not wait for this any more.
    answer.catch(() => {});
    return answer;
  }

  #hear(answer: Answer): void {
    if (answer.progress !== undefined) {
      this.#onProgress(answer.progress);
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.error === undefined) waiting?.resolve(answer);
    else waiting?.reject(outOfMemory(answer.error));
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Models and frames cannot fail but for the memory that they take. */
const outOfMemory = (got: string) =>
  new DataflowError('LIMIT_EXCEEDED', `threads: memory, expected as much as the models take, got ${got}.`);
