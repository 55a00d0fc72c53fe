/**
 * Several sinks as one: each gets every batch, and a batch counts as written once all have it.
 */
import { weakest } from './guarantee.js';
import type { Sink, SinkWriter } from './sink.js';
import type { Position } from './source.js';

export function tee(...sinks: readonly Sink[]): Sink {
  const guarantee = weakest(sinks.map((sink) => sink.guarantee));
  return {
    name: `tee(${sinks.map(({ name }) => name).join(', ')})`,
    ...(guarantee && { guarantee }),
    checkpointFirst: sinks.some(({ checkpointFirst }) => checkpointFirst),
    async open(resume, signal) {
      const positions = resume as readonly Position[] | undefined;
      const writers: SinkWriter[] = [];
      try {
        for (const [i, sink] of sinks.entries()) writers.push(await sink.open(positions?.[i], signal));
      } catch (error) {
        await all(writers, (writer) => writer.abandon(resume !== undefined)).catch(() => {});
        throw error;
      }
      return teeWriter(writers);
    },
  };
}

function teeWriter(writers: readonly SinkWriter[]): SinkWriter {
  return {
    write(batch) {
      const pending: Promise<void>[] = [];
      for (const writer of writers) {
        const written = attempt(() => writer.write(batch));
        if (written !== undefined) pending.push(written);
      }
      if (pending.length > 0) return allSettled(pending).then(() => {});
    },
    position: () => all(writers, (writer) => writer.position()),
    async committed(position) {
      const positions = position as readonly Position[];
      await all(writers, (writer, i) => writer.committed?.(positions[i]!));
    },
    async finish() {
      for (const writer of writers) await writer.finish();
    },
    async abandon(keep) {
      await all(writers, (writer) => writer.abandon(keep));
    },
    get bytes() {
      return writers.reduce((sum, writer) => sum + writer.bytes, 0);
    },
  };
}

/** Asks every writer, and waits for all of them even where one fails: no call may overlap the next. */
const all = <T>(
  writers: readonly SinkWriter[],
  ask: (writer: SinkWriter, index: number) => T | Promise<T>,
): Promise<T[]> => allSettled(writers.map((writer, i) => attempt(() => ask(writer, i))));

/** What the work answers; what it throws at once becomes a rejection. */
function attempt<T>(work: () => T | Promise<T>): T | Promise<T> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** All results, or the first error once all have settled. */
async function allSettled<T>(work: readonly (T | Promise<T>)[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value as T;
  });
}
