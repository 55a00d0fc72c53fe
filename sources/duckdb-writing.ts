/**
 * Arrow columns into vectors of DuckDB: memory is copied as it lies wherever the two agree.
 */
import type { DuckDBType } from '@duckdb/node-api';
import type { Vector as RawVector } from '@duckdb/node-bindings';
import { type Data, DataType } from 'apache-arrow';
import { corruptInput } from '../src/errors.js';
import type { Duckdb } from './duckdb.js';
import { fixedValues, type Refuse } from './duckdb-fixed-values.js';
import { bytesAt } from './picks.js';

/** Whose column is written. */
export interface Writing {
  readonly duckdb: Duckdb;
  readonly who: string;
  readonly name: string;
  /** What the rows are counted as in errors: elements inside of lists. Default `row`. */
  readonly unit?: 'row' | 'element';
}

type Present = (row: number) => boolean;

/**
 * Writes the rows `from` … `from + rows − 1` of a plain column to the front of a vector. Rows that `within` says no of hold no
 * value, whatever the column says.
 */
export function writeVector(
  writing: Writing,
  vector: RawVector,
  type: DuckDBType,
  data: Data,
  from: number,
  rows: number,
  within?: Present,
): void {
  const { duckdb, who, name, unit = 'row' } = writing;
  const inner: Writing = { ...writing, unit: 'element' };
  const { bindings } = duckdb;
  const refuse: Refuse = (row, expected, got) =>
    corruptInput(who, `${unit} ${from + row} of column '${name}'`, expected, got, { column: name });
  const present = writeNulls(bindings, vector, data, from, rows, within);
  const { valueOffsets: offsets, children } = data as Data & { valueOffsets: Int32Array };
  if (type instanceof duckdb.DuckDBStructType) {
    type.entryTypes.forEach((entry, c) => {
      const child = bindings.struct_vector_get_child(vector, c);
      writeVector(writing, child, entry, children[c]!, from, rows, present);
    });
  } else if (type instanceof duckdb.DuckDBArrayType) {
    const { length } = type;
    const inside = present && ((row: number) => present(Math.floor(row / length)));
    const child = bindings.array_vector_get_child(vector);
    writeVector(inner, child, type.valueType, children[0]!, from * length, rows * length, inside);
  } else if (type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBMapType) {
    const first = rows === 0 ? 0 : Number(offsets[from]);
    const count = rows === 0 ? 0 : Number(offsets[from + rows]) - first;
    const entries = new BigUint64Array(rows * 2);
    for (let row = 0; row < rows; row++) {
      entries[row * 2] = BigInt(Number(offsets[from + row]) - first);
      entries[row * 2 + 1] = BigInt(Number(offsets[from + row + 1]) - Number(offsets[from + row]));
    }
    copy(bindings, vector, entries);
    bindings.list_vector_reserve(vector, count);
    bindings.list_vector_set_size(vector, count);
    const child = bindings.list_vector_get_child(vector);
    const element = type instanceof duckdb.DuckDBMapType ? entryType(duckdb, type) : type.valueType;
    writeVector(inner, child, element, children[0]!, first, count);
  } else if (type === duckdb.VARCHAR || type === duckdb.BLOB) {
    writeTexts(bindings, vector, data, from, rows, present, refuse);
  } else if (!DataType.isNull(data.type)) {
    copy(bindings, vector, fixedValues(data, type, from, rows, present, refuse));
  }
}

function writeTexts(
  bindings: Duckdb['bindings'],
  vector: RawVector,
  data: Data,
  from: number,
  rows: number,
  present: Present | undefined,
  refuse: Refuse,
): void {
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && !present(row)) continue;
    bindings.vector_assign_string_element_len(vector, row, textAt(data, from + row));
  }
  // Text that is no UTF-8 has silently become a null.
  const bits = bindings.vector_get_validity(vector, Math.ceil(rows / 64) * 8) as Uint8Array | null;
  for (let row = 0; bits !== null && row < rows; row++) {
    const isNull = ((bits[row >> 3]! >> (row & 7)) & 1) === 0;
    if (isNull && (present === undefined || present(row))) throw refuse(row, 'text in UTF-8', 'other bytes');
  }
}

const entryType = (
  duckdb: Duckdb,
  { keyType, valueType }: { keyType: DuckDBType; valueType: DuckDBType },
): DuckDBType => new duckdb.DuckDBStructType(['key', 'value'], [keyType, valueType]);

function textAt(data: Data, row: number): Uint8Array {
  if (!DataType.isFixedSizeBinary(data.type)) return bytesAt(data, row);
  const { byteWidth } = data.type;
  return data.values.subarray(row * byteWidth, (row + 1) * byteWidth);
}

/** Writes which rows hold no value, and says which do; undefined where all do. */
function writeNulls(
  bindings: Duckdb['bindings'],
  vector: RawVector,
  data: Data,
  from: number,
  rows: number,
  within: Present | undefined,
): Present | undefined {
  const isNull = DataType.isNull(data.type);
  if (within === undefined && data.nullCount === 0 && !isNull) return undefined;
  const present: Present = (row) =>
    !isNull && data.getValid(from + row) && (within === undefined || within(row));
  const bits = new Uint8Array(Math.ceil(rows / 64) * 8).fill(0xff);
  for (let row = 0; row < rows; row++) if (!present(row)) bits[row >> 3]! &= ~(1 << (row & 7));
  bindings.vector_ensure_validity_writable(vector);
  bindings.copy_data_to_vector_validity(vector, 0, bits.buffer, 0, bits.byteLength);
  return present;
}

/** Copies an array to the front of a vector's memory, whose rows are as wide. */
function copy(bindings: Duckdb['bindings'], vector: RawVector, values: ArrayBufferView): void {
  const { byteOffset, byteLength } = values;
  if (byteLength === 0) return;
  if (values.buffer instanceof ArrayBuffer) {
    bindings.copy_data_to_vector(vector, 0, values.buffer, byteOffset, byteLength);
  } else {
    const own = new Uint8Array(new Uint8Array(values.buffer, byteOffset, byteLength));
    bindings.copy_data_to_vector(vector, 0, own.buffer, 0, byteLength);
  }
}
