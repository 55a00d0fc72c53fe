/**
 * Checks that a decoded column is what its type promises, so that no later reader runs past a buffer's end.
 *
 * It looks at every offset, dictionary index and union member once: values may be damaged, the shape may not.
 */
import { type Data, DataType, type Union, type Vector } from 'apache-arrow';
import { isView } from './picks.js';

/** Throws a RangeError that says what is wrong with a column of `length` rows. */
export function checkData(data: Data, length: number): void {
  const { type } = data;
  if (data.length !== length) throw new RangeError(`${type} of ${data.length} rows instead of ${length}`);
  if (DataType.isNull(type)) return;
  if (!DataType.isUnion(type)) checkNulls(data);
  if (DataType.isUnion(type)) checkUnion(data, type);
  else if (DataType.isDictionary(type)) checkIndices(data);
  else if (DataType.isFixedSizeList(type)) checkChildren(data, length * type.listSize);
  else if (DataType.isStruct(type)) checkChildren(data, length);
  else if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    checkChildren(data, checkOffsets(data));
  } else if (isView(type)) checkViews(data);
  else requireRoom(`values of ${type}`, data.values, valuesLength(data));
}

function valuesLength(data: Data): number {
  if (data.valueOffsets !== undefined) return checkOffsets(data);
  return DataType.isBool(data.type) ? Math.ceil(data.length / 8) : data.length * data.stride;
}

function requireRoom(what: string, array: ArrayLike<unknown> | undefined, length: number): void {
  const got = array?.length ?? 0;
  if (got < length) throw new RangeError(`${what}: ${got} elements instead of ${length}`);
}

/** A child may be longer than its parent needs. */
function checkChildren(data: Data, least: number): void {
  for (const child of data.children) {
    if (child.length < least)
      throw new RangeError(`${child.type} of ${child.length} rows instead of ${least}`);
    checkData(child, child.length);
  }
}

function checkNulls(data: Data): void {
  if (data.nullCount === 0) return;
  requireRoom('validity bits', data.nullBitmap, Math.ceil(data.length / 8));
  const counted = data.clone(data.type, 0, data.length, -1).nullCount;
  if (counted !== data.nullCount) throw new RangeError(`${data.nullCount} nulls where ${counted} are marked`);
}

/** Offsets rise from 0 or more; the last one is what the values must have room for. */
function checkOffsets({ type, length, valueOffsets }: Data): number {
  if (length === 0) return 0;
  requireRoom(`offsets of ${type}`, valueOffsets, length + 1);
  const offsets = valueOffsets as Int32Array;
  if (offsets[0]! < 0) throw new RangeError(`offset ${offsets[0]}`);
  for (let i = 0; i < length; i++) {
    if (offsets[i]! > offsets[i + 1]!) throw new RangeError(`offset ${offsets[i + 1]} behind ${offsets[i]}`);
  }
  return Number(offsets[length]);
}

function checkIndices(data: Data): void {
  const { length, values } = data as Data & { values: Int32Array };
  requireRoom('dictionary indices', values, length);
  const entries = (data.dictionary as Vector | undefined)?.length ?? 0;
  const hasNulls = data.nullCount > 0;
  for (let i = 0; i < length; i++) {
    const isInside = values[i]! >= 0 && values[i]! < entries;
    if (!isInside && !(hasNulls && !data.getValid(i))) {
      throw new RangeError(`dictionary index ${values[i]} of ${entries} entries`);
    }
  }
}

function checkViews(data: Data): void {
  requireRoom('views', data.values, data.length * 16);
  const { buffer, byteOffset } = data.values as Uint8Array;
  const views = new DataView(buffer, byteOffset);
  for (let i = 0; i < data.length; i++) {
    if (!data.getValid(i)) continue;
    const size = views.getInt32(i * 16, true);
    if (size < 0) throw new RangeError(`a view of ${size} bytes`);
    if (size <= 12) continue;
    const held = data.variadicBuffers[views.getInt32(i * 16 + 8, true)]?.length ?? 0;
    const start = views.getInt32(i * 16 + 12, true);
    if (start < 0 || start + size > held)
      throw new RangeError(`a view of ${size} bytes at ${start} of ${held}`);
  }
}

function checkUnion(data: Data, type: Union): void {
  const { length, typeIds, children } = data;
  const isDense = DataType.isDenseUnion(type);
  requireRoom('union members', typeIds, length);
  if (isDense) requireRoom('union offsets', data.valueOffsets, length);
  checkChildren(data, isDense ? 0 : length);
  for (let i = 0; i < length; i++) {
    const child = children[type.typeIdToChildIndex[typeIds[i]] ?? -1];
    if (child === undefined) throw new RangeError(`union member ${typeIds[i]}`);
    if (!isDense) continue;
    const at = data.valueOffsets[i];
    if (at < 0 || at >= child.length) throw new RangeError(`union offset ${at} of ${child.length}`);
  }
}
