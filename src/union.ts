/**
 * Several sources as one, in an order that does not depend on which is faster: a batch of each in turn, until all have
 * ended.
 */
import type { Schema } from 'apache-arrow';
import { describeSchema } from './columns.js';
import { schemaChanged } from './errors.js';
import { weakest } from './guarantee.js';
import type { Position, Source, Sourced, SourceReading } from './source.js';

export function union(...sources: readonly Source[]): Source {
  const guarantee = weakest(sources.map((source) => source.guarantee));
  return {
    name: `union(${sources.map(({ name }) => name).join(', ')})`,
    ...(guarantee && { guarantee }),
    read(from, signal) {
      const turns = from as Turns | undefined;
      const readings = sources.map((source, i) => source.read(turns?.positions[i]?.[0], signal));
      return {
        [Symbol.asyncIterator]: () => inTurns(sources, readings, turns),
        ...(readings.some(({ committed }) => committed) && {
          committed: (position: Position) => committed(readings, position as unknown as Turns),
        }),
        close: () => closed(readings),
      };
    },
  };
}

/** Tells each source what of its own is done with. */
async function committed(readings: readonly SourceReading[], { positions }: Turns): Promise<void> {
  for (const [i, reading] of readings.entries()) {
    const [position] = positions[i]!;
    if (position !== undefined) await reading.committed?.(position);
  }
}

async function closed(readings: readonly SourceReading[]): Promise<void> {
  await Promise.allSettled(readings.map(async (reading) => reading.close?.()));
}

/** Where each source stands (an empty list: at its start), which have ended, and whose turn it is next. */
interface Turns {
  readonly [key: string]: Position;
  readonly positions: readonly (readonly Position[])[];
  readonly ended: readonly boolean[];
  readonly turn: number;
  /** The schema that all must have, in words. */
  readonly schema: string;
}

async function* inTurns(
  sources: readonly Source[],
  readings: readonly SourceReading[],
  from: Turns | undefined,
): AsyncGenerator<Sourced> {
  const positions = sources.map((_, i) => from?.positions[i] ?? []);
  const ended = sources.map((_, i) => from?.ended[i] ?? false);
  const readers = readings.map((reading) => reading[Symbol.asyncIterator]());
  let schema = from?.schema;
  /** What was compared last, so that batches which share a schema are compared once. */
  let known: Schema | undefined;
  try {
    for (let turn = from?.turn ?? 0; ended.includes(false); turn = (turn + 1) % sources.length) {
      if (ended[turn]) continue;
      const { done, value } = await readers[turn]!.next();
      if (done) {
        ended[turn] = true;
        continue;
      }
      if (value.batch.schema !== known) {
        known = value.batch.schema as Schema;
        const got = describeSchema(known);
        schema ??= got;
        if (got !== schema) throw schemaChanged(sources[turn]!.name, schema, got);
      }
      positions[turn] = [value.next];
      const next: Turns = {
        positions: [...positions],
        ended: [...ended],
        turn: (turn + 1) % sources.length,
        schema: schema!,
      };
      const { fraction: _, behind: __, ...told } = value;
      yield { ...told, next };
    }
  } finally {
    await Promise.allSettled(readers.map((reader) => reader.return?.()));
  }
}
