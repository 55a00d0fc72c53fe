/**
 * Vectors of DuckDB as Arrow columns: memory is copied as it lies wherever the two agree, and text is copied in runs.
 */
import type { DuckDBType } from '@duckdb/node-api';
import type { Vector as RawVector } from '@duckdb/node-bindings';
import { Data, type DataType, type Dictionary, type Field, makeData, vectorFromArray } from 'apache-arrow';
import type { Duckdb } from './duckdb.js';
import { type FixedReader, fixedReaders } from './duckdb-fixed.js';
import { readBytes, readWords } from './duckdb-text.js';
import { kindOf } from './duckdb-types.js';
import { gather } from './gather.js';

/** Says of a row whether it holds a value. */
type Present = (row: number) => boolean;

/** Reads `rows` rows of a vector. Where `within` is false the rows around it hold none, and its memory means nothing. */
export type ReadVector = (vector: RawVector, rows: number, within?: Present) => Data;

/** How the vectors of a column are read. */
export function readVector(duckdb: Duckdb, who: string, field: Field, type: DuckDBType): ReadVector {
  const { bindings } = duckdb;
  const arrow: DataType = field.type;
  const column = (nulls: Nulls, rows: number, offsets: unknown, values: unknown, children: Data[] = []) =>
    new Data(arrow, 0, rows, nulls.count, [offsets, values, nulls.bitmap] as never, children);
  const child = (c: number, of: DuckDBType) => readVector(duckdb, who, arrow.children[c]!, of);
  const nullsOf = (vector: RawVector, rows: number, within?: Present) =>
    readNulls(bindings.vector_get_validity(vector, Math.ceil(rows / 64) * 8), rows, within);

  if (type instanceof duckdb.DuckDBStructType) {
    const readers = type.entryTypes.map((entry, c) => child(c, entry));
    return (vector, rows, within) => {
      const nulls = nullsOf(vector, rows, within);
      const entries = readers.map((read, c) =>
        read(bindings.struct_vector_get_child(vector, c), rows, nulls.present),
      );
      return column(nulls, rows, undefined, undefined, entries);
    };
  }
  if (type instanceof duckdb.DuckDBArrayType) {
    const read = child(0, type.valueType);
    const { length } = type;
    return (vector, rows, within) => {
      const nulls = nullsOf(vector, rows, within);
      const { present } = nulls;
      const elements = read(
        bindings.array_vector_get_child(vector),
        rows * length,
        present && ((row) => present(Math.floor(row / length))),
      );
      return column(nulls, rows, undefined, undefined, [elements]);
    };
  }
  if (type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBMapType) {
    const read = child(0, elementOf(duckdb, type));
    return (vector, rows, within) => {
      const nulls = nullsOf(vector, rows, within);
      const entries = new BigUint64Array(bytesOf(bindings.vector_get_data(vector, rows * 16)).buffer);
      const all = read(bindings.list_vector_get_child(vector), bindings.list_vector_get_size(vector));
      const { offsets, elements } = pickLists(entries, rows, nulls.present, all);
      return column(nulls, rows, offsets, undefined, [elements]);
    };
  }
  const flat = flatReader(duckdb, who, field, type);
  return (vector, rows, within) => flat(vector, rows, nullsOf(vector, rows, within), column);
}

type Column = (nulls: Nulls, rows: number, offsets: unknown, values: unknown) => Data;
type ReadFlat = (vector: RawVector, rows: number, nulls: Nulls, column: Column) => Data;

function flatReader(duckdb: Duckdb, who: string, field: Field, type: DuckDBType): ReadFlat {
  const { bindings } = duckdb;
  const kind = kindOf(duckdb, type);
  if (kind === 'VARCHAR' || kind === 'BLOB') {
    return (vector, rows, nulls, column) => {
      const { offsets, bytes } = readBytes(bindings, vector, rows, nulls.present);
      return column(nulls, rows, offsets, bytes);
    };
  }
  if (kind === 'UUID' || kind === 'BIT' || kind === 'BIGNUM') {
    return (vector, rows, nulls, column) => {
      const { offsets, bytes } = readWords(
        duckdb.DuckDBVector.create(vector, rows, type),
        rows,
        nulls.present,
      );
      return column(nulls, rows, offsets, bytes);
    };
  }
  if (type instanceof duckdb.DuckDBEnumType)
    return enumReader(duckdb, field, type.values, type.internalTypeId);
  const { rowBytes, convert } = fixedReaders(kind, type) as FixedReader;
  return (vector, rows, nulls, column) => {
    const bytes = bytesOf(bindings.vector_get_data(vector, rows * rowBytes));
    return column(
      nulls,
      rows,
      undefined,
      convert({ bytes, rows, present: nulls.present, who, name: field.name }),
    );
  };
}

/** A dictionary that all batches share; inside of other types, the texts themselves. */
function enumReader(duckdb: Duckdb, field: Field, values: readonly string[], width: number): ReadFlat {
  const { bindings, DuckDBTypeId } = duckdb;
  const dictionary = vectorFromArray(values, (field.type as Dictionary).dictionary ?? field.type);
  const IndexArray =
    width === DuckDBTypeId.UTINYINT
      ? Uint8Array
      : width === DuckDBTypeId.USMALLINT
        ? Uint16Array
        : Uint32Array;
  return (vector, rows, nulls) => {
    const bytes = bytesOf(bindings.vector_get_data(vector, rows * IndexArray.BYTES_PER_ELEMENT));
    const indices = Int32Array.from(new IndexArray(bytes.buffer) as Uint32Array);
    const { present } = nulls;
    if (present) for (let row = 0; row < rows; row++) if (!present(row)) indices[row] = 0;
    const { dictionary: inDictionary } = field.type as Dictionary;
    if (inDictionary === undefined) {
      const row = present ? indices.map((index, i) => (present(i) ? index : -1)) : indices;
      return gather(dictionary.data, { part: undefined, row });
    }
    return makeData({
      type: field.type as Dictionary,
      length: rows,
      nullCount: nulls.count,
      nullBitmap: nulls.bitmap,
      data: indices,
      dictionary,
    });
  };
}

/** What a list holds; of a map, its entries. */
const elementOf = (duckdb: Duckdb, type: DuckDBType): DuckDBType =>
  type instanceof duckdb.DuckDBMapType
    ? new duckdb.DuckDBStructType(['key', 'value'], [type.keyType, type.valueType])
    : (type as { valueType: DuckDBType } & DuckDBType).valueType;

/** Offsets of the lists that `entries` (start and length of each) name, and their elements end to end. */
function pickLists(entries: BigUint64Array, rows: number, present: Present | undefined, all: Data) {
  const offsets = new Int32Array(rows + 1);
  const starts = new Int32Array(rows);
  let isInOrder = true;
  for (let row = 0; row < rows; row++) {
    const length = present === undefined || present(row) ? Number(entries[row * 2 + 1]) : 0;
    starts[row] = length > 0 ? Number(entries[row * 2]) : offsets[row]!;
    isInOrder &&= starts[row] === offsets[row];
    offsets[row + 1] = offsets[row]! + length;
  }
  const total = offsets[rows]!;
  if (isInOrder) return { offsets, elements: total === all.length ? all : all.slice(0, total) };
  const picks = new Int32Array(total);
  for (let row = 0; row < rows; row++) {
    const shift = starts[row]! - offsets[row]!;
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) picks[i] = i + shift;
  }
  return { offsets, elements: gather([all], { part: undefined, row: picks }) };
}

export interface Nulls {
  readonly count: number;
  readonly bitmap: Uint8Array | undefined;
  /** Absent where all rows hold a value. */
  readonly present: Present | undefined;
}

/** Both keep a bit a row, the first row's lowest, which is 1 for a value. */
function readNulls(validity: Uint8Array | null, rows: number, within: Present | undefined): Nulls {
  if (!validity && within === undefined) return { count: 0, bitmap: undefined, present: undefined };
  const bitmap = validity ? bytesOf(validity) : new Uint8Array(Math.ceil(rows / 8)).fill(0xff);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const isPresent = ((bitmap[row >> 3]! >> (row & 7)) & 1) === 1 && (within === undefined || within(row));
    if (isPresent) continue;
    bitmap[row >> 3]! &= ~(1 << (row & 7));
    count++;
  }
  if (count === 0) return { count, bitmap: undefined, present: undefined };
  return { count, bitmap, present: (row) => ((bitmap[row >> 3]! >> (row & 7)) & 1) === 1 };
}

/** A copy that outlives the vector, at the start of a buffer of its own. */
const bytesOf = (memory: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(memory);
