/**
 * The leaves of Arrow columns. Nothing of a column is lost but what its nulls hide.
 */
import { type Data, DataType, type RecordBatch, type Union, type Vector } from 'apache-arrow';
import { gather } from '../../../sources/gather.js';
import { allRows, bytesAt } from '../../../sources/picks.js';
import type { NumberArray } from './number-transform.js';
import { type Dictionary, isText, type Leaf, type Table, wordsOf } from './table.js';
import { TextColumn } from './text-column.js';

export function tableFromBatch(batch: RecordBatch): Table {
  const table: Table = { rows: batch.numRows, leaves: [], tables: [] };
  for (const column of batch.data.children) collect(column.slice(0, batch.numRows), table);
  return table;
}

function tableOf(column: Data): Table {
  const table: Table = { rows: column.length, leaves: [], tables: [] };
  collect(column, table);
  return table;
}

function collect(data: Data, table: Table): void {
  const { type, length } = data;
  const { leaves, tables } = table;
  if (DataType.isNull(type)) return;
  if (DataType.isUnion(type)) {
    collectUnion(data, table);
    return;
  }
  const nulls = nullsOf(data);
  const validity: Leaf = { nulls, numbers: new Uint8Array(length) };
  if (DataType.isDictionary(type)) {
    leaves.push({ nulls, numbers: withoutNulls(data.values, nulls, length), dictionary: dictionaryOf(data) });
  } else if (DataType.isBool(type)) leaves.push({ nulls, numbers: bitsOf(data, nulls) });
  else if (DataType.isStruct(type)) {
    leaves.push(validity);
    for (const child of data.children) collect(child.slice(0, length), table);
  } else if (DataType.isFixedSizeList(type)) {
    leaves.push(validity);
    tables.push(tableOf(data.children[0]!.slice(0, length * type.listSize)));
  } else if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    const offsets = data.valueOffsets as Int32Array | BigInt64Array;
    const lengths = new Int32Array(length);
    for (let i = 0; i < length; i++) lengths[i] = Number(offsets[i + 1]) - Number(offsets[i]);
    leaves.push(validity, { nulls: undefined, numbers: lengths });
    const [from, to] = length === 0 ? [0, 0] : [Number(offsets[0]), Number(offsets[length])];
    tables.push(tableOf(data.children[0]!.slice(from, to - from)));
  } else if (isText(type)) leaves.push({ nulls, text: textOf(data, nulls) });
  else if (DataType.isFixedSizeBinary(type))
    leaves.push({ nulls, text: fixedTextOf(data, type.byteWidth, nulls) });
  else collectWords(data, nulls, leaves);
}

/** A union's member numbers; then each member's rows, those of a dense union in the order in which they are used. */
function collectUnion(data: Data, table: Table): void {
  const { length, children } = data;
  const type = data.type as Union;
  const typeIds = data.typeIds as Int8Array;
  table.leaves.push({ nulls: undefined, numbers: typeIds.slice(0, length) });
  if (!DataType.isDenseUnion(type)) {
    for (const child of children) collect(child.slice(0, length), table);
    return;
  }
  const rows = children.map((): number[] => []);
  for (let i = 0; i < length; i++) rows[type.typeIdToChildIndex[typeIds[i]!]!]!.push(data.valueOffsets[i]);
  children.forEach((child, c) => {
    const dense = rows[c]!.every((row, i) => row === i);
    const picked = { part: undefined, row: Int32Array.from(rows[c]!) };
    table.tables.push(tableOf(dense ? child.slice(0, rows[c]!.length) : gather([child], picked)));
  });
}

function collectWords(data: Data, nulls: Uint8Array | undefined, leaves: Leaf[]): void {
  const { type, length } = data;
  const words = wordsOf(type).length;
  if (words === 1) {
    leaves.push({ nulls, numbers: withoutNulls(data.values, nulls, length) });
    return;
  }
  const wide = (DataType.isDecimal(type) ? asWords(data.values) : data.values) as Int32Array;
  const array = wordsOf(type)[0]!;
  for (let w = 0; w < words; w++) {
    const values = new array(length) as Int32Array;
    for (let i = 0; i < length; i++) if (!nulls?.[i]) values[i] = wide[i * words + w]!;
    leaves.push({ nulls: w === 0 ? nulls : undefined, numbers: values });
  }
}

function asWords({ buffer, byteOffset, byteLength }: Uint32Array): BigInt64Array {
  const at =
    byteOffset % 8 === 0 ? { buffer, byteOffset } : { buffer: buffer.slice(byteOffset), byteOffset: 0 };
  return new BigInt64Array(at.buffer, at.byteOffset, byteLength / 8);
}

export function nullsOf(data: Data): Uint8Array | undefined {
  if (data.nullCount === 0) return undefined;
  return Uint8Array.from({ length: data.length }, (_, row) => (data.getValid(row) ? 0 : 1));
}

function withoutNulls(values: NumberArray, nulls: Uint8Array | undefined, length: number): NumberArray {
  if (nulls === undefined) return values.subarray(0, length);
  const copy = values.slice(0, length) as Int32Array;
  const zero =
    (copy as unknown as BigInt64Array) instanceof BigInt64Array || (copy as unknown) instanceof BigUint64Array
      ? 0n
      : 0;
  for (let i = 0; i < length; i++) if (nulls[i]) copy[i] = zero as number;
  return copy;
}

function bitsOf({ values, offset, length }: Data, nulls: Uint8Array | undefined): Uint8Array {
  const bits = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    if (!nulls?.[i]) bits[i] = (values[(offset + i) >> 3] >> ((offset + i) & 7)) & 1;
  }
  return bits;
}

function textOf(data: Data, nulls: Uint8Array | undefined): TextColumn {
  const { length } = data;
  const begin = length > 0 ? Number(data.valueOffsets[0]) : 0;
  const end = length > 0 ? Number(data.valueOffsets[length]) : 0;
  if (nulls === undefined) {
    const offsets = new Float64Array(length + 1);
    for (let i = 0; i <= length && length > 0; i++) offsets[i] = Number(data.valueOffsets[i]) - begin;
    return new TextColumn(data.values.subarray(begin, end), offsets, length);
  }
  const text = new TextColumn();
  for (let row = 0; row < length; row++) if (!nulls[row]) text.append(bytesAt(data, row));
  return text;
}

function fixedTextOf(data: Data, width: number, nulls: Uint8Array | undefined): TextColumn {
  const text = new TextColumn();
  for (let row = 0; row < data.length; row++) {
    if (!nulls?.[row]) text.append(data.values.subarray(row * width, (row + 1) * width));
  }
  return text;
}

/** A column that is not one of a batch. */
export const tableFromVector = (vector: Vector): Table => tableOf(gather(vector.data, everyRow(vector)));

function dictionaryOf(data: Data): Dictionary {
  const vector = data.dictionary as Vector;
  return {
    length: vector.length,
    identity: vector,
    entries(from: number) {
      const whole = gather(vector.data, everyRow(vector));
      return tableOf(whole.slice(from, vector.length - from));
    },
  };
}

/** All rows of a vector's parts. */
function everyRow(vector: Vector) {
  if (vector.data.length === 1) return allRows(vector.length);
  const row = new Int32Array(vector.length);
  const part = new Int32Array(vector.length);
  let at = 0;
  vector.data.forEach(({ length }, p) => {
    for (let i = 0; i < length; i++, at++) {
      row[at] = i;
      part[at] = p;
    }
  });
  return { row, part };
}
