/**
 * Bytes from wherever they come: memory, a Node stream, a web stream, any async iterable, or standard input.
 */
import { DataflowError, reason, sourceFailed } from '../src/errors.js';
import { untilAborted } from './until-aborted.js';

export type ByteInput = Uint8Array | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

/** Standard input, where there is one. */
export function standardInput(who: string): ByteInput {
  const { stdin } = globalThis.process ?? {};
  if (stdin !== undefined) return stdin;
  throw sourceFailed(who, 'standard input', 'a process that has one', 'none');
}

/**
 * How often a row of the input takes effect. Bytes in memory can be read again. Of a stream it depends on who sends it:
 * where it comes again from its start, exactly once; otherwise what had come and was in no checkpoint is lost.
 */
export const inputGuarantee = (input: ByteInput | undefined): 'exactly once' | 'at most once' =>
  input instanceof Uint8Array ? 'exactly once' : 'at most once';

/** Whether a value is one of the inputs that `chunksOf` reads. */
export const isByteInput = (value: unknown): value is ByteInput =>
  value instanceof Uint8Array ||
  (value !== null && typeof value === 'object' && (Symbol.asyncIterator in value || 'getReader' in value));

/**
 * The chunks of an input, one at a time and none ahead. It stops waiting when `signal` aborts, and lets go of the input
 * at the end, however that comes.
 */
export async function* chunksOf(
  who: string,
  input: ByteInput,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  if (input instanceof Uint8Array) {
    yield input;
    return;
  }
  const pull = puller(input);
  try {
    for (;;) {
      const { done, value } = await untilAborted(pull.next(), signal);
      if (done) return;
      if (!(value instanceof Uint8Array))
        throw sourceFailed(who, 'chunk of the input', 'bytes', typeof value);
      yield value;
    }
  } catch (error) {
    const isOurs = error instanceof DataflowError || signal.aborted;
    throw isOurs ? error : sourceFailed(who, 'reading the input', 'bytes', reason(error), error);
  } finally {
    pull.stop();
  }
}

interface Puller {
  next(): Promise<{ done?: boolean | undefined; value?: unknown }>;
  /** Lets go of the input without waiting for a chunk that is on its way. */
  stop(): void;
}

function puller(input: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>): Puller {
  if ('getReader' in input) {
    const reader = input.getReader();
    return { next: () => reader.read(), stop: () => void reader.cancel().catch(() => {}) };
  }
  const iterator = input[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    stop() {
      iterator.return?.()?.then(undefined, () => {});
      if ('destroy' in input && typeof input.destroy === 'function') input.destroy();
    },
  };
}
