/**
 * The text of a cell, for formats that are text. The values are exact: what the text is read as is what was written.
 *
 * Timestamps are ISO 8601 in UTC with the digits of their unit, dates `2012-01-31`, big integers and decimals have all
 * their digits, bytes are Base64, lists, structs and maps JSON.
 */
import { type Data, DataType, DateUnit, Precision, TimeUnit } from 'apache-arrow';
import { uint16ToFloat64 } from 'apache-arrow/util/math';
import { base64, decimal, isoClock, isoDay, isoTime } from './value-text.js';

/** A cell as text; with `isJson`, the text is a JSON literal by itself and needs no quotes in JSON. */
interface Cell {
  readonly text: string;
  readonly isJson: boolean;
}

type ReadCell = (row: number) => Cell;

/** Reads the cells of a compact column as plain text; null for a null. */
export function cellTexts(data: Data): (row: number) => string | null {
  const read = reader(data);
  return (row) => (data.getValid(row) ? read(row).text : null);
}

/** Reads the cells of a compact column as JSON. */
export function cellJson(data: Data): (row: number) => string {
  const read = reader(data);
  return (row) => {
    if (!data.getValid(row)) return 'null';
    const { text, isJson } = read(row);
    return isJson ? text : JSON.stringify(text);
  };
}

const json = (text: string): Cell => ({ text, isJson: true });
const quoted = (text: string): Cell => ({ text, isJson: false });

function reader(data: Data): ReadCell {
  const { type, values, valueOffsets } = data;
  if (DataType.isNull(type)) return () => json('null');
  if (DataType.isBool(type)) return (row) => json((values[row >> 3] >> (row & 7)) & 1 ? 'true' : 'false');
  if (DataType.isFloat(type)) return floatReader(data);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return textReader(data);
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) {
    const bytes = values as Uint8Array;
    return (row) => quoted(base64(bytes.subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1]))));
  }
  if (DataType.isFixedSizeBinary(type)) {
    const { byteWidth } = type;
    return (row) => quoted(base64(values.subarray(row * byteWidth, (row + 1) * byteWidth)));
  }
  if (DataType.isDate(type)) {
    const isDay = type.unit === DateUnit.DAY;
    return (row) => quoted(isDay ? isoDay(values[row]) : isoTime(BigInt(values[row]), TimeUnit.MILLISECOND));
  }
  if (DataType.isTimestamp(type)) return (row) => quoted(isoTime(values[row], type.unit));
  if (DataType.isTime(type)) return (row) => quoted(isoClock(BigInt(values[row]), type.unit));
  if (DataType.isDecimal(type))
    return (row) => json(decimal(values.subarray(row * data.stride, (row + 1) * data.stride), type.scale));
  if (type.children?.length > 0) return nestedReader(data);
  if (data.stride > 1)
    return (row) => json(`[${values.subarray(row * data.stride, (row + 1) * data.stride).join(',')}]`);
  return (row) => json(`${values[row]}`);
}

function textReader({ length, values, valueOffsets: offsets }: Data): ReadCell {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const first = Number(offsets[0]);
  const bytes = (values as Uint8Array).subarray(first, Number(offsets[length]));
  const whole = decoder.decode(bytes);
  const isAscii = whole.length === bytes.length;
  return (row) => {
    const from = Number(offsets[row]) - first;
    const to = Number(offsets[row + 1]) - first;
    return quoted(isAscii ? whole.slice(from, to) : decoder.decode(bytes.subarray(from, to)));
  };
}

function floatReader(data: Data): ReadCell {
  const { values } = data as Data & { values: Float64Array };
  const isHalf = DataType.isFloat(data.type) && data.type.precision === Precision.HALF;
  const at = isHalf ? Float64Array.from(values, uint16ToFloat64) : values;
  return (row) => {
    const value = at[row]!;
    if (!Number.isFinite(value)) return quoted(`${value}`);
    return json(Object.is(value, -0) ? '-0.0' : `${value}`);
  };
}

function nestedReader(data: Data): ReadCell {
  const { type, children, valueOffsets } = data;
  const read = children.map(cellJson);
  if (DataType.isUnion(type)) {
    const isDense = DataType.isDenseUnion(type);
    return (row) =>
      json(read[type.typeIdToChildIndex[data.typeIds[row]]!]!(isDense ? valueOffsets[row] : row));
  }
  const list = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => read[0]!(from + i));
  if (DataType.isStruct(type)) {
    const keys = type.children.map(({ name }) => JSON.stringify(name));
    return (row) => json(`{${keys.map((key, c) => `${key}:${read[c]!(row)}`).join(',')}}`);
  }
  if (DataType.isMap(type)) {
    const [keys, values] = children[0]!.children.map(cellJson) as [
      (row: number) => string,
      (row: number) => string,
    ];
    const key = (at: number) => (keys(at).startsWith('"') ? keys(at) : JSON.stringify(keys(at)));
    return (row) => {
      const [from, to] = [valueOffsets[row], valueOffsets[row + 1]];
      return json(
        `{${Array.from({ length: to - from }, (_, i) => `${key(from + i)}:${values(from + i)}`).join(',')}}`,
      );
    };
  }
  if (DataType.isFixedSizeList(type)) {
    return (row) => json(`[${list(row * type.listSize, (row + 1) * type.listSize).join(',')}]`);
  }
  return (row) => json(`[${list(Number(valueOffsets[row]), Number(valueOffsets[row + 1])).join(',')}]`);
}
