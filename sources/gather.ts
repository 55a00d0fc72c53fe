/**
 * Picks rows out of Arrow columns by copying them into one new column.
 *
 * What comes out is plain: a dictionary is resolved to its values, a view column becomes Utf8 or Binary, and nothing of
 * the column picked from stays referenced. It is exact for every type, as raw values are copied and none is converted.
 */
import {
  Binary,
  Data,
  DataType,
  FixedSizeList,
  LargeList,
  List,
  Map_,
  Struct,
  Union,
  Utf8,
  type Vector,
} from 'apache-arrow';
import { corruptInput, limitExceeded } from '../src/errors.js';
import { emptyData } from './empty-data.js';
import {
  isView,
  type Picks,
  pickBits,
  pickBytes,
  pickFixed,
  pickNulls,
  pickRanges,
  repeated,
} from './picks.js';

const MOST_OFFSET = 2 ** 31 - 1;

/** The picked rows of columns of one type. */
export function gather(parts: readonly Data[], picks: Picks): Data {
  const { type } = parts[0]!;
  const { length } = picks.row;
  if (DataType.isDictionary(type)) return gatherFromDictionary(parts, picks);
  if (DataType.isUnion(type)) return gatherUnion(parts, picks);
  if (DataType.isNull(type)) return new Data(type, 0, length, length);
  const { nullCount, bitmap } = pickNulls(parts, picks);
  const column = (plain: DataType, offsets: unknown, values: unknown, children: Data[] = []) =>
    new Data(plain, 0, length, nullCount, [offsets, values, bitmap] as never, children);
  if (DataType.isBool(type)) return column(type, undefined, pickBits(parts, picks, bitAt));
  if (DataType.isStruct(type)) {
    const children = type.children.map((_, c) => gather(childrenAt(parts, c), picks));
    return column(withChildren(type, children), undefined, undefined, children);
  }
  if (DataType.isFixedSizeList(type)) {
    const child = gather(childrenAt(parts, 0), repeated(picks, type.listSize));
    return column(withChildren(type, [child]), undefined, undefined, [child]);
  }
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    const { offsets, elements } = pickRanges(parts, picks);
    const child = gather(childrenAt(parts, 0), elements);
    return column(withChildren(type, [child]), offsetsFor(type, offsets), undefined, [child]);
  }
  if (isBytes(type)) {
    const { offsets, bytes } = pickBytes(parts, picks);
    return column(withoutView(type), offsetsFor(type, offsets), bytes);
  }
  return column(type, undefined, pickFixed(parts, picks));
}

/** A nested type around the types that its children have now. */
export function withChildren(type: DataType, children: readonly Data[]): DataType {
  const fields = type.children.map((field, c) => field.clone({ type: children[c]!.type }));
  if (DataType.isStruct(type)) return new Struct(fields);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, fields[0]!);
  if (DataType.isMap(type)) return new Map_(fields[0] as never, type.keysSorted);
  if (DataType.isUnion(type)) return new Union(type.mode, type.typeIds, fields);
  return DataType.isLargeList(type) ? new LargeList(fields[0]!) : new List(fields[0]!);
}

const childrenAt = (parts: readonly Data[], index: number) => parts.map((part) => part.children[index]!);
const isBytes = (type: DataType) =>
  isView(type) ||
  DataType.isUtf8(type) ||
  DataType.isBinary(type) ||
  DataType.isLargeUtf8(type) ||
  DataType.isLargeBinary(type);
const withoutView = (type: DataType): DataType =>
  DataType.isUtf8View(type) ? new Utf8() : DataType.isBinaryView(type) ? new Binary() : type;
const bitAt = ({ values, offset }: Data, row: number) =>
  (values[(offset + row) >> 3] >> ((offset + row) & 7)) & 1;

function offsetsFor(type: DataType, offsets: Float64Array): Int32Array | BigInt64Array {
  if (type.OffsetArrayType === BigInt64Array) return BigInt64Array.from(offsets, BigInt);
  const last = offsets[offsets.length - 1]!;
  const advice = 'Use smaller batches.';
  if (last > MOST_OFFSET) throw limitExceeded('column', 'bytes or elements in a batch', MOST_OFFSET, advice);
  return Int32Array.from(offsets);
}

/** The values that dictionary indices stand for. */
function gatherFromDictionary(parts: readonly Data[], { part, row }: Picks): Data {
  const values: Data[] = [];
  const firsts: number[] = [];
  for (const { dictionary } of parts) {
    firsts.push(values.length);
    values.push(...(dictionary as Vector).data);
  }
  const owners = new Int32Array(row.length);
  const rows = new Int32Array(row.length).fill(-1);
  for (let i = 0; i < row.length; i++) {
    const p = part ? part[i]! : 0;
    if (row[i]! < 0 || !parts[p]!.getValid(row[i]!)) continue;
    const index = Number(parts[p]!.values[row[i]!]);
    let owner = firsts[p]!;
    let at = index;
    const end = firsts[p + 1] ?? values.length;
    while (owner < end && at >= values[owner]!.length) at -= values[owner++]!.length;
    if (owner === end || at < 0) {
      throw corruptInput('column', 'dictionary index', 'an entry of the dictionary', `${index}`);
    }
    owners[i] = owner;
    rows[i] = at;
  }
  if (values.length === 0)
    values.push(emptyData((parts[0]!.type as DataType & { dictionary: DataType }).dictionary));
  return gather(values, { row: rows, part: owners });
}

/** A union of the picked rows. A null row becomes a null of the first member. */
function gatherUnion(parts: readonly Data[], picks: Picks): Data {
  const { part, row } = picks;
  const type = parts[0]!.type as Union;
  const { length } = row;
  const typeIds = new Int8Array(length).fill(type.typeIds[0]!);
  for (let i = 0; i < length; i++)
    if (row[i]! >= 0) typeIds[i] = parts[part ? part[i]! : 0]!.typeIds[row[i]!];
  const union = (children: Data[], offsets?: Int32Array) =>
    new Data(
      withChildren(type, children),
      0,
      length,
      0,
      [offsets, undefined, undefined, typeIds] as never,
      children,
    );
  if (!DataType.isDenseUnion(type))
    return union(type.children.map((_, c) => gather(childrenAt(parts, c), picks)));
  const offsets = new Int32Array(length);
  const rows = type.children.map((): number[] => []);
  const owners = type.children.map((): number[] => []);
  for (let i = 0; i < length; i++) {
    const p = part ? part[i]! : 0;
    const child = type.typeIdToChildIndex[typeIds[i]!]!;
    offsets[i] = rows[child]!.length;
    rows[child]!.push(row[i]! < 0 ? -1 : parts[p]!.valueOffsets[row[i]!]);
    owners[child]!.push(p);
  }
  const children = type.children.map((_, c) =>
    gather(childrenAt(parts, c), { row: Int32Array.from(rows[c]!), part: Int32Array.from(owners[c]!) }),
  );
  return union(children, offsets);
}
