/**
 * Bytes to wherever they go: a Node stream, a web stream, a function, or standard output.
 *
 * A write is done when the other side has taken it, so nobody who writes runs ahead of who reads.
 */
import type { Writable } from 'node:stream';
import { untilAborted } from '../sources/until-aborted.js';
import { DataflowError, reason, sinkFailed } from '../src/errors.js';

export type ByteOutput =
  | Writable
  | WritableStream<Uint8Array>
  | ((bytes: Uint8Array) => void | Promise<void>);

export interface OpenOutput {
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** Lets go without an end, so that the other side can tell. */
  stop(): Promise<void>;
}

/** Whether a value is one of the outputs that `openOutput` takes. */
export const isByteOutput = (value: unknown): value is ByteOutput =>
  typeof value === 'function' ||
  (value !== null &&
    typeof value === 'object' &&
    ('getWriter' in value || ('write' in value && 'end' in value)));

/** Opens an output (standard output without one). What goes wrong is SINK_FAILED; waiting ends when `signal` aborts. */
export function openOutput(who: string, output: ByteOutput | undefined, signal: AbortSignal): OpenOutput {
  const { stdout, stderr } = globalThis.process ?? {};
  const target = output ?? stdout;
  if (target === undefined) throw sinkFailed(who, 'standard output', 'a process that has one', 'none');
  const open =
    typeof target === 'function'
      ? toFunction(target)
      : 'getWriter' in target
        ? toWebStream(target)
        : toNodeStream(target, target === stdout || target === stderr);
  const guarded = (what: string, work: () => Promise<void>) => guard(who, what, work, signal);
  return {
    write: (bytes) => guarded('writing', () => open.write(bytes)),
    end: () => guarded('ending the output', () => open.end()),
    stop: () => open.stop(),
  };
}

async function guard(
  who: string,
  what: string,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await untilAborted(work(), signal);
  } catch (error) {
    if (error instanceof DataflowError || signal.aborted) throw error;
    throw sinkFailed(who, what, 'an output that takes bytes', reason(error), error);
  }
}

const toFunction = (take: (bytes: Uint8Array) => void | Promise<void>): OpenOutput => ({
  write: async (bytes) => take(bytes),
  async end() {},
  async stop() {},
});

function toWebStream(stream: WritableStream<Uint8Array>): OpenOutput {
  const writer = stream.getWriter();
  return {
    async write(bytes) {
      await writer.ready;
      await writer.write(bytes);
    },
    end: () => writer.close(),
    stop: () => writer.abort().catch(() => {}),
  };
}

/** Standard streams are shared with the rest of the process and stay open. */
function toNodeStream(stream: Writable, isShared: boolean): OpenOutput {
  let settle: ((error: Error | undefined) => void) | undefined;
  let failure: Error | undefined;
  const fail = (error?: Error) => {
    failure ??= error ?? new Error('the stream was closed');
    settle?.(failure);
  };
  const onClose = () => fail();
  stream.on('error', fail);
  stream.on('close', onClose);
  const settled = (begin: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      settle = (error) => (error ? reject(error) : resolve());
      begin((error) => settle?.(error ?? undefined));
    });
  const release = () => {
    stream.off('close', onClose);
    if (isShared) stream.off('error', fail);
  };
  return {
    write: (bytes) => settled((done) => stream.write(bytes, done)),
    async end() {
      if (!isShared) await settled((done) => stream.end(() => done()));
      release();
    },
    async stop() {
      release();
      if (!isShared) stream.destroy();
    },
  };
}
