/**
 * Arrow columns in Avro: of each type, the schema that it has there and how a value is written. (Avro 1.12.)
 */
import { type Data, DataType, DateUnit, type Field, Precision, TimeUnit } from 'apache-arrow';
import { uint16ToFloat64 } from 'apache-arrow/util/math';
import { columnType, nullRefused, outOfDomain } from '../src/errors.js';
import type { AvroOutput } from './avro-output.js';

/** A schema as JSON has it. */
export type AvroSchema = string | readonly AvroSchema[] | { readonly [key: string]: unknown };

/** Writes a row of a column. */
export type WriteValue = (row: number, out: AvroOutput) => void;

/** How a compact column is written: its schema, and what writes a row of it. */
export interface FieldEncoder {
  readonly schema: AvroSchema;
  readonly writer: (data: Data) => WriteValue;
}

const DAY_MS = 86_400_000n;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** How a column is written, nulls included. COLUMN_TYPE names a type, or a name, that Avro cannot hold. */
export function fieldEncoder(who: string, field: Field, path = String(field.name)): FieldEncoder {
  if (!NAME.test(field.name)) {
    const advice = 'Rename the column first.';
    throw columnType(who, path, 'a name of letters, digits and _', `'${field.name}'`, advice);
  }
  return nullableEncoder(who, field, path);
}

function nullableEncoder(who: string, { type, nullable }: Field, path: string): FieldEncoder {
  const { schema, writer } = encoderOf(who, path, type);
  if (DataType.isNull(type)) return { schema, writer };
  if (!nullable) {
    return {
      schema,
      writer: (data) => {
        const write = writer(data);
        return (row, out) => {
          if (!data.getValid(row)) throw nullRefused(who, path, row);
          write(row, out);
        };
      },
    };
  }
  return {
    schema: ['null', schema],
    writer: (data) => {
      const write = writer(data);
      return (row, out) => {
        const isValid = data.getValid(row);
        out.byte(isValid ? 2 : 0);
        if (isValid) write(row, out);
      };
    },
  };
}

function encoderOf(who: string, path: string, type: DataType): FieldEncoder {
  const nested = nestedEncoder(who, path, type);
  if (nested !== undefined) return nested;
  if (DataType.isNull(type)) return { schema: 'null', writer: () => () => {} };
  if (DataType.isBool(type)) {
    return {
      schema: 'boolean',
      writer:
        ({ values }) =>
        (row, out) =>
          out.byte((values[row >> 3] >> (row & 7)) & 1),
    };
  }
  if (DataType.isInt(type)) return integerEncoder(type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) return floatEncoder(type.precision);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return { schema: 'string', writer: bytesWriter };
  if (DataType.isBinary(type) || DataType.isLargeBinary(type))
    return { schema: 'bytes', writer: bytesWriter };
  if (DataType.isFixedSizeBinary(type)) {
    const { byteWidth: size } = type;
    const writer =
      ({ values }: Data) =>
      (row: number, out: AvroOutput) =>
        out.raw(values.subarray(row * size, (row + 1) * size));
    return { schema: { type: 'fixed', name: typeName(path), size }, writer };
  }
  if (DataType.isDecimal(type) && type.scale >= 0) {
    const schema = { type: 'bytes', logicalType: 'decimal', precision: type.precision, scale: type.scale };
    return {
      schema,
      writer:
        ({ values, stride }) =>
        (row, out) =>
          out.bytes(decimalBytes(values, row, stride)),
    };
  }
  const temporal = temporalEncoder(who, path, type);
  if (temporal !== undefined) return temporal;
  throw columnType(who, path, 'a type that Avro can hold', String(type), 'Drop or convert the column first.');
}

/** Names of types have to differ, and no dots. */
const typeName = (path: string) => path.replaceAll('.', '_');

function integerEncoder(bitWidth: number, isSigned: boolean): FieldEncoder {
  const writer =
    ({ values }: Data) =>
    (row: number, out: AvroOutput) =>
      out.integer(values[row]);
  if (bitWidth < 32 || (bitWidth === 32 && isSigned)) return { schema: 'int', writer };
  if (bitWidth === 32 || isSigned) return { schema: 'long', writer };
  const schema = { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 0 };
  return {
    schema,
    writer:
      ({ values }) =>
      (row, out) =>
        out.bytes(bigEndian(values[row])),
  };
}

function floatEncoder(precision: Precision): FieldEncoder {
  if (precision === Precision.DOUBLE)
    return {
      schema: 'double',
      writer:
        ({ values }) =>
        (row, out) =>
          out.double(values[row]),
    };
  const isHalf = precision === Precision.HALF;
  const value = (raw: number) => (isHalf ? uint16ToFloat64(raw) : raw);
  return {
    schema: 'float',
    writer:
      ({ values }) =>
      (row, out) =>
        out.float(value(values[row])),
  };
}

const bytesWriter =
  ({ values, valueOffsets }: Data): WriteValue =>
  (row, out) =>
    out.bytes(values.subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1])));

function temporalEncoder(who: string, path: string, type: DataType): FieldEncoder | undefined {
  const plain = (of: 'int' | 'long', logicalType: string, scale = 1n): FieldEncoder => ({
    schema: { type: of, logicalType },
    writer:
      ({ values }) =>
      (row, out) => {
        const raw = values[row] as number | bigint;
        if (scale === 1n) out.integer(raw);
        else out.integer(inLong(who, path, row, BigInt(raw) * scale));
      },
  });
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? plain('int', 'date') : dayEncoder(who, path);
  if (DataType.isTime(type)) {
    if (type.unit === TimeUnit.NANOSECOND) return undefined;
    if (type.unit === TimeUnit.MICROSECOND) return plain('long', 'time-micros');
    return plain('int', 'time-millis', type.unit === TimeUnit.SECOND ? 1000n : 1n);
  }
  if (!DataType.isTimestamp(type)) return undefined;
  const unit = ['millis', 'millis', 'micros', 'nanos'][type.unit]!;
  const name = `${type.timezone ? '' : 'local-'}timestamp-${unit}`;
  return plain('long', name, type.unit === TimeUnit.SECOND ? 1000n : 1n);
}

/** Days that are counted in milliseconds. */
function dayEncoder(who: string, path: string): FieldEncoder {
  const writer = ({ values }: Data): WriteValue => {
    return (row, out) => {
      const ms = BigInt(values[row]);
      if (ms % DAY_MS !== 0n) throw outOfDomain(who, path, row, 'whole days', `${ms} ms`);
      out.integer(ms / DAY_MS);
    };
  };
  return { schema: { type: 'int', logicalType: 'date' }, writer };
}

function inLong(who: string, path: string, row: number, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw outOfDomain(who, path, row, 'seconds that milliseconds can hold', `${value / 1000n}`);
}

function nestedEncoder(who: string, path: string, type: DataType): FieldEncoder | undefined {
  if (DataType.isStruct(type)) return structEncoder(who, path, type.children);
  if (DataType.isMap(type)) return mapEncoder(who, path, type.children[0]!);
  if (!(DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)))
    return undefined;
  const child = type.children[0]!;
  const items = nullableEncoder(who, child, `${path}.item`);
  if (items.schema === 'null') throw columnType(who, path, 'a type that Avro can hold', 'a list of nulls');
  const listSize = DataType.isFixedSizeList(type) ? type.listSize : undefined;
  const writer = ({ children, valueOffsets }: Data): WriteValue => {
    const write = items.writer(children[0]!);
    return (row, out) => {
      const from = listSize === undefined ? Number(valueOffsets[row]) : row * listSize;
      const to = listSize === undefined ? Number(valueOffsets[row + 1]) : from + listSize;
      writeItems(out, from, to, write);
    };
  };
  return { schema: { type: 'array', items: items.schema }, writer };
}

function structEncoder(who: string, path: string, children: readonly Field[]): FieldEncoder {
  if (children.length === 0)
    throw columnType(who, path, 'a type that Avro can hold', 'a struct without fields');
  const fields = children.map((child) => fieldEncoder(who, child, `${path}.${child.name}`));
  const schema = {
    type: 'record',
    name: typeName(path),
    fields: fields.map((field, c) => ({ name: children[c]!.name, type: field.schema })),
  };
  const writer = (data: Data): WriteValue => {
    const writes = fields.map((field, c) => field.writer(data.children[c]!));
    return (row, out) => {
      for (const write of writes) write(row, out);
    };
  };
  return { schema, writer };
}

function mapEncoder(who: string, path: string, { type: { children } }: Field): FieldEncoder {
  const [key, value] = children as [Field, Field];
  const keys = encoderOf(who, `${path}.key`, key.type);
  if (keys.schema !== 'string') throw columnType(who, path, 'a map with keys of text', `keys ${key.type}`);
  const values = nullableEncoder(who, value, `${path}.value`);
  const writer = ({ children: [entries], valueOffsets }: Data): WriteValue => {
    const [writeKey, writeValue] = [keys.writer(entries!.children[0]!), values.writer(entries!.children[1]!)];
    const write: WriteValue = (at, out) => {
      writeKey(at, out);
      writeValue(at, out);
    };
    return (row, out) => writeItems(out, Number(valueOffsets[row]), Number(valueOffsets[row + 1]), write);
  };
  return { schema: { type: 'map', values: values.schema }, writer };
}

/** All items as one block, and the empty one behind it. */
function writeItems(out: AvroOutput, from: number, to: number, write: WriteValue): void {
  if (to > from) {
    out.integer(to - from);
    for (let at = from; at < to; at++) write(at, out);
  }
  out.byte(0);
}

function decimalBytes(words: Uint32Array, row: number, stride: number): Uint8Array {
  let value = 0n;
  for (let word = stride - 1; word >= 0; word--) value = (value << 32n) | BigInt(words[row * stride + word]!);
  return bigEndian(BigInt.asIntN(32 * stride, value));
}

/** Two's complement in as few bytes as hold it, highest first. */
function bigEndian(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.unshift(Number(rest & 255n));
    rest >>= 8n;
  } while (!(rest === 0n && bytes[0]! < 128) && !(rest === -1n && bytes[0]! >= 128));
  return Uint8Array.from(bytes);
}
