/**
 * Joins Arrow columns end to end, by copying their buffers: the one place where rows of several batches become one.
 */
import {
  type Data,
  DataType,
  type List,
  makeBuilder,
  makeData,
  type RecordBatch,
  util,
  Vector,
} from 'apache-arrow';
import { newBatch } from './columns.js';

/** One batch with the rows of all, in order; they share a schema. A single batch is handed back as it is. */
export function concatBatches(batches: readonly RecordBatch[]): RecordBatch {
  const [first] = batches as [RecordBatch];
  if (batches.length === 1) return first;
  const numRows = batches.reduce((sum, batch) => sum + batch.numRows, 0);
  const children = first.schema.fields.map((_, i) =>
    concatData(batches.map((batch) => batch.data.children[i]!)),
  );
  return newBatch(first.schema, numRows, children);
}

function concatData(parts: readonly Data[]): Data {
  const { type } = parts[0]!;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const nulls = concatNulls(parts);
  if (DataType.isFixedSizeList(type)) {
    const { listSize } = type;
    const child = concatData(parts.map((part) => sliceData(part.children[0]!, 0, part.length * listSize)));
    return makeData({ type, length, ...nulls, child });
  }
  if (DataType.isStruct(type)) {
    const children = type.children.map((_, i) =>
      concatData(parts.map((part) => sliceData(part.children[i]!, 0, part.length))),
    );
    return makeData({ type, length, ...nulls, children });
  }
  if (DataType.isList(type)) {
    const { offsets, ranges } = concatOffsets(parts);
    const child = concatData(parts.map((part, p) => sliceData(part.children[0]!, ...ranges[p]!)));
    return makeData({ type: type as List, length, ...nulls, valueOffsets: offsets, child });
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    const { offsets, ranges } = concatOffsets(parts);
    const bytes = parts.map((part, p) => (part.values as Uint8Array).subarray(...ranges[p]!));
    return makeData({
      type: type as never,
      length,
      ...nulls,
      valueOffsets: offsets,
      data: joined(bytes) as never,
    });
  }
  if (isPlain(type)) {
    const arrays = parts.map((part) => (part.values as Float64Array).subarray(0, part.length * part.stride));
    return makeData({ type: type as never, length, ...nulls, data: joined(arrays) as never });
  }
  return concatValues(parts);
}

/** Types whose values are one typed array, `stride` elements a row. Packed bits are not. */
const isPlain = (type: DataType) =>
  DataType.isInt(type) ||
  DataType.isFloat(type) ||
  DataType.isDate(type) ||
  DataType.isTime(type) ||
  DataType.isTimestamp(type) ||
  DataType.isDuration(type) ||
  DataType.isDecimal(type) ||
  DataType.isFixedSizeBinary(type);

/** Every other type, value by value. */
function concatValues(parts: readonly Data[]): Data {
  const builder = makeBuilder({ type: parts[0]!.type, nullValues: [null, undefined] });
  for (const part of parts) for (const value of new Vector([part])) builder.append(value);
  return builder.finish().toVector().data[0] ?? makeData({ type: parts[0]!.type, length: 0 } as never);
}

const sliceData = (data: Data, from: number, to: number): Data =>
  from === 0 && to === data.length ? data : data.slice(from, to - from);

function concatNulls(parts: readonly Data[]): { nullCount: number; nullBitmap?: Uint8Array } {
  const nullCount = parts.reduce((sum, part) => sum + part.nullCount, 0);
  if (nullCount === 0) return { nullCount };
  const valid = function* () {
    for (const part of parts) for (let row = 0; row < part.length; row++) yield part.getValid(row);
  };
  return { nullCount, nullBitmap: util.packBools(valid()) };
}

/** Offsets that begin at 0 and go on over the parts, and the range of values that each part uses. */
function concatOffsets(parts: readonly Data[]): { offsets: Int32Array; ranges: [number, number][] } {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const offsets = new Int32Array(length + 1);
  const ranges: [number, number][] = [];
  let row = 0;
  for (const part of parts) {
    const own = part.valueOffsets as Int32Array;
    const first = part.length === 0 ? 0 : own[0]!;
    const last = part.length === 0 ? 0 : own[part.length]!;
    const shift = offsets[row]! - first;
    for (let i = 1; i <= part.length; i++) offsets[row + i] = own[i]! + shift;
    row += part.length;
    ranges.push([first, last]);
  }
  return { offsets, ranges };
}

type Joinable = Float64Array;

function joined(arrays: readonly (Joinable | Uint8Array)[]): Joinable {
  const length = arrays.reduce((sum, array) => sum + array.length, 0);
  const whole = new ((arrays[0] as Joinable).constructor as Float64ArrayConstructor)(length);
  let at = 0;
  for (const array of arrays) {
    whole.set(array as Joinable, at);
    at += array.length;
  }
  return whole;
}
