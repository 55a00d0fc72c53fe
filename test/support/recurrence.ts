/**
 * A flow's middle for crash tests: a keyed and a plain recurrent step over messages, so that a row too many or too few, or
 * in another place, changes every row behind it.
 */
import { lightningAttention } from '../../operators/index.js';
import { dataflow } from '../../src/dataflow.js';
import { perKey } from '../../src/per-key.js';
import { nextUnit, seedRandom } from '../../src/random.js';
import { rebatch } from '../../src/rebatch.js';
import type { Sink } from '../../src/sink.js';
import type { Source } from '../../src/source.js';

const sizes = { heads: 1, keyDim: 2, valueDim: 2 };

/** Types of the messages' columns. */
export const recurrenceSchema = {
  n: 'int32',
  key: 'int32',
  q: 'float32[2]',
  k: 'float32[2]',
  v: 'float32[2]',
} as const;

/** Messages of one row each; the same ones each time. */
export function recurrenceMessages(count: number): string[] {
  const random = generator(7);
  const vector = () => [random() - 0.5, random() - 0.5].map(Math.fround);
  return Array.from({ length: count }, (_, n) =>
    JSON.stringify({ n, key: n % 8, q: vector(), k: vector(), v: vector() }),
  );
}

export function generator(seed: number): () => number {
  const slot = new Uint32Array(4);
  seedRandom(slot, seed);
  return () => nextUnit(slot);
}

export const recurrence = (source: Source, sink: Sink) =>
  dataflow('recurrence')
    .from(source)
    .pipe(rebatch({ rows: 37 }))
    .step('keyed', perKey('key', lightningAttention({ ...sizes, columns: { o: 'keyed' } }), { maxKeys: 8 }))
    .step('plain', lightningAttention(sizes))
    .to(sink);

/** The source, so slowly that there is time to be killed in. */
export function throttled(source: Source, ms: number): Source {
  return {
    ...source,
    read(from, signal) {
      const reading = source.read(from, signal);
      return {
        async *[Symbol.asyncIterator]() {
          for await (const sourced of reading) {
            await new Promise((resolve) => setTimeout(resolve, ms));
            yield sourced;
          }
        },
        committed: (position) => reading.committed?.(position),
        close: () => reading.close?.(),
      };
    },
  };
}
