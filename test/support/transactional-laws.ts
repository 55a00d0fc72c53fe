/**
 * What every sink that commits rows with a token must do, whichever database it is of.
 */
import { Int32, type RecordBatch, Table, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import type { TransactionalSinkOptions } from '../../sinks/index.js';
import type { Sink } from '../../src/sink.js';
import { errorOf, never, writeAll } from '../sources/helpers.js';

export interface Transactional {
  /** A sink that makes table `table` in a place of the test's own; `name`, where given, names its connections for `kill`. */
  sinkTo(table: string, options?: Partial<TransactionalSinkOptions>, name?: string): Sink;
  /** The rows of a table as text, ordered by column `n`. */
  rows(table: string): Promise<string[]>;
  /** Cuts the connections of that name from the server's side; says how many there were. */
  kill(name: string): Promise<number>;
}

/** Rows whose `n` are `from` … `to − 1`. */
export const numbers = (from: number, to: number): RecordBatch => {
  const values = Array.from({ length: to - from }, (_, i) => from + i);
  return new Table({ n: vectorFromArray(values, new Int32()) }).batches[0]!;
};

const pairs = (k: number[], n: number[]) =>
  new Table({ k: vectorFromArray(k, new Int32()), n: vectorFromArray(n, new Int32()) }).batches[0]!;

const upTo = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

export function transactionalLaws({ sinkTo, rows, kill }: Transactional): void {
  describe('its transactions', () => {
    it('go on from any position with not a row lost or doubled, however much was committed behind it', async () => {
      const ends = [0, 3, 4, 9, 12];
      const batches = ends.slice(1).map((end, i) => numbers(ends[i]!, end));
      for (let cut = 0; cut < ends.length; cut++) {
        for (let beyond = cut; beyond < ends.length; beyond++) {
          const commitRows = [1, 4, 1000][(cut + beyond) % 3]!;
          const table = `cut_${cut}_${beyond}`;
          const first = await sinkTo(table, { commitRows }).open(undefined, never);
          for (const batch of batches.slice(0, cut)) await first.write(batch);
          const position = structuredClone(await first.position());
          for (const batch of batches.slice(cut, beyond)) await first.write(batch);
          await first.abandon(true);
          // The same rows, cut otherwise, and cut off once more.
          const second = await sinkTo(table).open(position, never);
          await second.write(numbers(ends[cut]!, 12));
          const later = structuredClone(await second.position());
          await second.abandon(true);
          await writeAll(sinkTo(table), [], later);
          expect(await rows(table), table).toEqual(upTo(12));
        }
      }
    });

    it('wait for so many rows, and for no more', async () => {
      const writer = await sinkTo('waiting', { commitRows: 4 }).open(undefined, never);
      const seen: number[] = [];
      for (let i = 0; i < 5; i++) {
        await writer.write(numbers(i * 2, i * 2 + 2));
        seen.push((await rows('waiting')).length);
      }
      expect(seen).toEqual([0, 4, 4, 8, 8]);
      await writer.finish();
      expect(await rows('waiting')).toEqual(upTo(10));
    });

    it('replace rows of the same key in mode upsert; of those in one batch the last stays', async () => {
      const sink = sinkTo('upserted', { mode: 'upsert', key: ['k'] });
      await writeAll(sink, [pairs([1, 2, 1], [10, 20, 11]), pairs([2, 3], [21, 30])]);
      expect(await rows('upserted')).toEqual(['1 11', '2 21', '3 30']);
    });

    it('survive connections that the server cuts', async () => {
      const writer = await sinkTo('cut_off', {}, 'to_be_killed').open(undefined, never);
      for (let i = 0; i < 4; i++) {
        await writer.write(numbers(i * 2, i * 2 + 2));
        expect(await kill('to_be_killed')).toBe(1);
      }
      await writer.finish();
      expect(await rows('cut_off')).toEqual(upTo(8));
    });

    it('give way to another process that goes on from the same checkpoint', async () => {
      const first = await sinkTo('fenced').open(undefined, never);
      await first.write(numbers(0, 2));
      const second = await sinkTo('fenced').open(await first.position(), never);
      await second.write(numbers(2, 4));
      const error = await errorOf(Promise.resolve(first.write(numbers(2, 5))));
      expect(error.message).toContain('Another process writes for the same checkpoints');
      await second.finish();
      expect(await rows('fenced')).toEqual(upTo(4));
    });

    it('refuse positions of others, and databases that were set back', async () => {
      await writeAll(sinkTo('foreign'), [numbers(0, 1)]);
      const positions = [5, { rows: 1 }, { run: 1, rows: 1 }, { run: 'no such run', rows: 0 }];
      for (const position of positions) {
        expect((await errorOf(writeAll(sinkTo('foreign'), [], position))).code).toBe('STATE_VERSION');
      }
      const writer = await sinkTo('foreign').open(undefined, never);
      const { run } = (await writer.position()) as { run: string };
      await writer.abandon(true);
      const ahead = errorOf(writeAll(sinkTo('foreign'), [], { run, rows: 7 }));
      expect((await ahead).message).toContain('rows in chunkwise_commits, expected');
    });

    it('are refused another schema than the first, and take batches without rows', async () => {
      const sink = sinkTo('schema_change');
      await writeAll(sink, [numbers(0, 0)]);
      expect(await rows('schema_change')).toEqual([]);
      const changed = errorOf(writeAll(sink, [numbers(0, 1), pairs([1], [1])]));
      expect((await changed).code).toBe('COLUMN_TYPE');
    });
  });
}
