/**
 * Several sinks as one: each gets every batch, and a batch counts as written once all have it.
 */
import type { Sink, SinkWriter } from './sink.js';
import type { Position } from './source.js';

export function tee(...sinks: readonly Sink[]): Sink {
  return {
    name: `tee(${sinks.map(({ name }) => name).join(', ')})`,
    async open(resume, signal) {
      const positions = resume as readonly Position[] | undefined;
      const writers: SinkWriter[] = [];
      try {
        for (const [i, sink] of sinks.entries()) writers.push(await sink.open(positions?.[i], signal));
      } catch (error) {
        for (const writer of writers) await writer.abandon(resume !== undefined);
        throw error;
      }
      return teeWriter(writers);
    },
  };
}

function teeWriter(writers: readonly SinkWriter[]): SinkWriter {
  return {
    async write(batch) {
      await Promise.all(writers.map((writer) => writer.write(batch)));
    },
    position: () => Promise.all(writers.map((writer) => writer.position())),
    async finish() {
      for (const writer of writers) await writer.finish();
    },
    async abandon(keep) {
      for (const writer of writers) await writer.abandon(keep);
    },
    get bytes() {
      return writers.reduce((sum, writer) => sum + writer.bytes, 0);
    },
  };
}
