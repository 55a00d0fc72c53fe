/**
 * What the tests of sources and sinks share: running them, comparing rows, and tables of every type.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  DenseUnion,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Int8,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  Null,
  RecordBatch,
  Schema,
  SparseUnion,
  Struct,
  Table,
  TimestampNanosecond,
  tableToIPC,
  Utf8,
  Utf8View,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { afterAll, expect } from 'vitest';
import { DataflowError } from '../../src/errors.js';
import type { Sink } from '../../src/sink.js';
import type { Position, Source, Sourced } from '../../src/source.js';

export const never = new AbortController().signal;

/** A directory of this test file's own, gone behind it. */
export function scratch(): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'chunkwise-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (name) => join(directory, name);
}

export async function readAll(source: Source, from?: Position, signal = never): Promise<Sourced[]> {
  const all: Sourced[] = [];
  for await (const sourced of source.read(from, signal)) all.push(sourced);
  return all;
}

export async function writeAll(sink: Sink, batches: Iterable<RecordBatch>, resume?: Position): Promise<void> {
  const writer = await sink.open(resume, never);
  try {
    for (const batch of batches) await writer.write(batch);
    await writer.finish();
  } catch (error) {
    await writer.abandon(false);
    throw error;
  }
}

/** Cells as they print, so that rows of different encodings compare by value. */
export function cells(batches: readonly RecordBatch[]): string[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.numRows }, (_, row) =>
      batch.schema.names.map((_, c) => shownCell(batch.getChildAt(c)?.get(row))).join(' | '),
    ),
  );
}

function shownCell(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'object') {
    const isList = ArrayBuffer.isView(value) || value instanceof Vector || Array.isArray(value);
    if (isList) return `[${Array.from(value as unknown as ArrayLike<unknown>, shownCell).join(',')}]`;
    const entries = Object.entries(value as object).map(([key, inner]) => `${key}:${shownCell(inner)}`);
    return `{${entries.join(',')}}`;
  }
  return Object.is(value, -0) ? '-0' : String(value);
}

export const rowsOf = async (source: Source, from?: Position) =>
  cells((await readAll(source, from)).map(({ batch }) => batch));

/** The error of a promise, which must be one of ours. */
export async function errorOf(work: Promise<unknown>): Promise<DataflowError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataflowError);
  return error as DataflowError;
}

/** A column with or without nulls of nearly every Arrow type, each of `rows` rows that differ by `seed`. */
export function everyType(rows: number, seed = 0): RecordBatch {
  const each = <T>(make: (i: number) => T, nullEvery = 0) =>
    Array.from({ length: rows }, (_, i) =>
      nullEvery && (i + seed) % nullEvery === 0 ? null : make(i + seed),
    );
  const field = (name: string, type: DataType) => new Field(name, type, true);
  const word = (i: number) => `word ${i % 7} ${'é'.repeat(i % 4)}`;
  const columns: Record<string, Vector> = {
    int8: vectorFromArray(
      each((i) => (i % 200) - 100, 5),
      new Int8(),
    ),
    int64: vectorFromArray(
      each((i) => BigInt(i) * 2n ** 40n),
      new Int64(),
    ),
    float: vectorFromArray(
      each((i) => i / 3, 7),
      new Float32(),
    ),
    bool: vectorFromArray(
      each((i) => i % 3 === 0, 4),
      new Bool(),
    ),
    text: vectorFromArray(each(word, 6), new Utf8()),
    view: vectorFromArray(
      each((i) => `${word(i)}, longer than twelve bytes`, 6),
      new Utf8View(),
    ),
    bytes: vectorFromArray(
      each((i) => new Uint8Array([i, i + 1, 0]), 9),
      new Binary(),
    ),
    fixed: vectorFromArray(
      each((i) => new Uint8Array([i, 255]), 3),
      new FixedSizeBinary(2),
    ),
    day: vectorFromArray(
      each((i) => new Date(i * 86_400_000), 8),
      new DateDay(),
    ),
    nanos: vectorFromArray(
      each((i) => i * 1000),
      new TimestampNanosecond(),
    ),
    decimal: vectorFromArray(
      each((i) => Uint32Array.of(i, i * 7, 0, 0), 5),
      new Decimal(3, 30, 128),
    ),
    dictionary: vectorFromArray(each(word, 5), new Dictionary(new Utf8(), new Int32(), 1)),
    list: vectorFromArray(
      each((i) => Array.from({ length: i % 4 }, (_, j) => i * j), 5),
      new List(field('item', new Int32())),
    ),
    vector: vectorFromArray(
      each((i) => [i, -i, 0.5]),
      new FixedSizeList(3, field('item', new Float32())),
    ),
    struct: vectorFromArray(
      each((i) => ({ a: i, b: word(i) }), 6),
      new Struct([field('a', new Int32()), field('b', new Utf8())]),
    ),
    map: vectorFromArray(
      each((i) => new Map([[word(i), i]])),
      new Map_(
        field(
          'entries',
          new Struct([new Field('key', new Utf8(), false), field('value', new Int32())]),
        ) as never,
      ),
    ),
    nothing: new Vector([makeData({ type: new Null(), length: rows })]),
    sparse: new Vector([sparseUnion(rows, seed)]),
    dense: new Vector([denseUnion(rows, seed)]),
  };
  const fields = Object.entries(columns).map(([name, { type }]) => field(name, type));
  const children = Object.values(columns).map(({ data }) => data[0]!);
  return new RecordBatch(new Schema(fields), makeData({ type: new Struct(fields), length: rows, children }));
}

const members = () => [new Field('i', new Int32(), true), new Field('t', new Utf8(), true)];

function sparseUnion(rows: number, seed: number) {
  const typeIds = Int8Array.from({ length: rows }, (_, i) => (i + seed) % 2);
  const numbers = vectorFromArray(
    Array.from(typeIds, (_, i) => i + seed),
    new Int32(),
  );
  const texts = vectorFromArray(
    Array.from(typeIds, (_, i) => `t${i + seed}`),
    new Utf8(),
  );
  const type = new SparseUnion([0, 1], members());
  return makeData({
    type,
    length: rows,
    nullCount: 0,
    typeIds,
    children: [numbers.data[0]!, texts.data[0]!],
  });
}

function denseUnion(rows: number, seed: number) {
  const typeIds = Int8Array.from({ length: rows }, (_, i) => ((i + seed) % 3 === 0 ? 1 : 0));
  const used = [0, 0];
  const valueOffsets = Int32Array.from(typeIds, (id) => used[id]!++);
  const numbers = vectorFromArray(
    Array.from({ length: used[0]! }, (_, i) => i * 10 + seed),
    new Int32(),
  );
  const texts = vectorFromArray(
    Array.from({ length: used[1]! }, (_, i) => `d${i + seed}`),
    new Utf8(),
  );
  const type = new DenseUnion([0, 1], members());
  const children = [numbers.data[0]!, texts.data[0]!];
  return makeData({ type, length: rows, nullCount: 0, typeIds, valueOffsets, children });
}

/** Bytes as arrow-js writes them. */
export const ipc = (batches: RecordBatch[], format: 'file' | 'stream') =>
  tableToIPC(new Table(batches), format);

/** Checks that reading on from every position gives the batches that were left. */
export async function expectResumable(source: Source): Promise<void> {
  const whole = await readAll(source);
  for (const [index, { next }] of whole.entries()) {
    const saved = structuredClone(next);
    const rest = await readAll(source, saved);
    const expected = whole.slice(index + 1);
    expect(rest.map(({ next }) => next)).toEqual(expected.map(({ next }) => next));
    expect(rest.map(({ batch }) => cells([batch]))).toEqual(expected.map(({ batch }) => cells([batch])));
  }
}

/**
 * Checks that a file written on from every position, with the writer stopped in every way, has the bytes of one that
 * was written at once.
 */
export async function expectSameBytes(
  make: (path: string) => Sink,
  at: (name: string) => string,
  batches: readonly RecordBatch[],
): Promise<void> {
  await writeAll(make(at('whole')), batches);
  const whole = readFileSync(at('whole'));
  for (let cut = 0; cut <= batches.length; cut++) {
    const path = at(`cut-${cut}`);
    const first = await make(path).open(undefined, never);
    for (const batch of batches.slice(0, cut)) await first.write(batch);
    const position = structuredClone(await first.position());
    for (const batch of batches.slice(cut, cut + 1)) await first.write(batch);
    await first.abandon(true);
    await writeAll(make(path), batches.slice(cut), position);
    expect(readFileSync(path).equals(whole)).toBe(true);
    await writeAll(make(path), batches.slice(cut), position);
    expect(readFileSync(path).equals(whole)).toBe(true);
  }
}

/** The same bytes with one bit flipped, at `count` places spread by a fixed generator. */
export function* withFlippedBits(bytes: Uint8Array, count: number): Generator<Uint8Array> {
  let state = 12345;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const damaged = new Uint8Array(bytes);
    damaged[(state >>> 3) % bytes.length]! ^= 1 << (state & 7);
    yield damaged;
  }
}

/** The named columns of a batch. */
export function withColumns(batch: RecordBatch, names: readonly string[]): RecordBatch {
  const indices = names.map((name) => batch.schema.fields.findIndex((field) => field.name === name));
  const fields = indices.map((index) => batch.schema.fields[index]!);
  const children = indices.map((index) => batch.data.children[index]!);
  const data = makeData({ type: new Struct(fields), length: batch.numRows, nullCount: 0, children });
  return new RecordBatch(new Schema(fields), data);
}

/** Checks that damaged input ends in an error of ours, or in batches whose every cell can be looked at. */
export async function expectDataOrError(source: Source): Promise<void> {
  try {
    for await (const { batch } of source.read(undefined, never)) {
      for (const column of batch.data.children) for (const cell of new Vector([column])) void cell;
    }
  } catch (error) {
    if (!(error instanceof DataflowError)) throw error;
  }
}
