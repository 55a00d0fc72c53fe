/**
 * Rows and messages that tests of brokers count by.
 */
import { Field, Int32, type RecordBatch, Schema } from 'apache-arrow';
import { columnData, newBatch } from '../../src/columns.js';
import { i32 } from '../../src/layout.js';
import type { Position, Source, Sourced } from '../../src/source.js';
import { cells, never } from '../sources/helpers.js';

const schema = new Schema([new Field('n', new Int32(), false)]);

/** A batch of one column `n` with the numbers `from` … `to` − 1. */
export function numbered(from: number, to: number): RecordBatch {
  const values = Int32Array.from({ length: to - from }, (_, i) => from + i);
  return newBatch(schema, values.length, [columnData(i32(), values, values.length)]);
}

/** The same numbers as JSON messages. */
export const jsonNumbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `{"n":${from + i}}`);

export const numbersAsText = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${from + i}`);

export interface HowToRead {
  readonly from?: Position | undefined;
  /** Leaves after so many batches. */
  readonly most?: number;
  readonly commits?: boolean;
  readonly signal?: AbortSignal;
}

/** Reads a source as the engine does, to its end or for some batches; commits each where told to, and closes. */
export async function readMessages(source: Source, how: HowToRead = {}): Promise<Sourced[]> {
  const { from, most = Number.POSITIVE_INFINITY, commits = false, signal = never } = how;
  const reading = source.read(from, signal);
  const all: Sourced[] = [];
  try {
    if (from !== undefined) await reading.committed?.(from);
    for await (const sourced of reading) {
      all.push(sourced);
      if (commits) await reading.committed?.(structuredClone(sourced.next));
      if (all.length >= most) break;
    }
  } finally {
    await reading.close?.();
  }
  return all;
}

export const rowsRead = (all: readonly Sourced[]): string[] => cells(all.map(({ batch }) => batch));
