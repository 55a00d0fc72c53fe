/**
 * Several sources as one, in an order that does not depend on which is faster: a batch of each in turn, until all have
 * ended.
 */
import { describeSchema, sameSchema } from './columns.js';
import { schemaChanged } from './errors.js';
import type { Position, Source, Sourced } from './source.js';

export function union(...sources: readonly Source[]): Source {
  return {
    name: `union(${sources.map(({ name }) => name).join(', ')})`,
    read: (from, signal) => inTurns(sources, from as Turns | undefined, signal),
  };
}

/** Where each source stands (an empty list: at its start), which have ended, and whose turn it is. */
interface Turns {
  readonly [key: string]: Position;
  readonly positions: readonly (readonly Position[])[];
  readonly ended: readonly boolean[];
  readonly turn: number;
}

async function* inTurns(
  sources: readonly Source[],
  from: Turns | undefined,
  signal: AbortSignal,
): AsyncGenerator<Sourced> {
  const positions = sources.map((_, i) => from?.positions[i] ?? []);
  const ended = sources.map((_, i) => from?.ended[i] ?? false);
  const readers = sources.map((source, i) => source.read(positions[i]?.[0], signal)[Symbol.asyncIterator]());
  let first: Sourced | undefined;
  try {
    for (let turn = from?.turn ?? 0; ended.includes(false); turn = (turn + 1) % sources.length) {
      if (ended[turn]) continue;
      const { done, value } = await readers[turn]!.next();
      if (done) {
        ended[turn] = true;
        continue;
      }
      first ??= value;
      const expected = first.batch.schema;
      if (!sameSchema(expected, value.batch.schema)) {
        throw schemaChanged(
          sources[turn]!.name,
          describeSchema(expected),
          describeSchema(value.batch.schema),
        );
      }
      positions[turn] = [value.next];
      const next: Turns = { positions: [...positions], ended: [...ended], turn: (turn + 1) % sources.length };
      yield { batch: value.batch, next };
    }
  } finally {
    for (const reader of readers) await reader.return?.();
  }
}
