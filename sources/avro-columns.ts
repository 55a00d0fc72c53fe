/**
 * An Avro schema as Arrow columns: of each type, what it is in Arrow and how a value is read. (Avro 1.12.)
 */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  Map_,
  Null,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Utf8,
} from 'apache-arrow';
import { columnType, corruptInput } from '../src/errors.js';
import type { AvroTap } from './avro-tap.js';

/** How values of a type are read: as what a builder of its Arrow type takes. */
export interface AvroReader {
  readonly type: DataType;
  readonly nullable: boolean;
  readonly read: (tap: AvroTap) => unknown;
}

export interface AvroColumn extends AvroReader {
  readonly name: string;
}

/** A schema as JSON has it. */
type Json = string | readonly Json[] | Readonly<Record<string, unknown>>;

const MOST_FIXED_BYTES = 2 ** 24;
const MOST_DEPTH = 64;

/** The columns of a file: the fields of its record, or one column `value` of any other type. */
export function avroColumns(who: string, schema: unknown): AvroColumn[] {
  const reader = new SchemaReader(who);
  const json = schema as Json;
  if (isObject(json) && json.type === 'record') return reader.fields(json, '', 0);
  return [{ name: 'value', ...reader.reader(json, 'value', '', 0) }];
}

const isObject = (json: Json): json is Readonly<Record<string, unknown>> =>
  json !== null && typeof json === 'object' && !Array.isArray(json);

class SchemaReader {
  readonly #who: string;
  /** Types that have a name, and the namespace that they were named in. */
  readonly #named = new Map<string, { readonly json: Json; readonly namespace: string }>();

  constructor(who: string) {
    this.#who = who;
  }

  fields(json: Readonly<Record<string, unknown>>, namespace: string, depth: number, path = ''): AvroColumn[] {
    const inner = this.#name(json, namespace);
    const { fields } = json;
    if (!Array.isArray(fields) || fields.length === 0)
      throw this.#refused(path || '*', 'a record without fields');
    return fields.map((field) => {
      const { name, type } = (field ?? {}) as { name?: unknown; type?: Json };
      if (typeof name !== 'string' || type === undefined) throw this.#unknown(field);
      const column = path === '' ? name : `${path}.${name}`;
      return { name, ...this.reader(type, column, inner, depth + 1) };
    });
  }

  reader(json: Json, column: string, namespace: string, depth: number): AvroReader {
    if (depth > MOST_DEPTH) throw this.#refused(column, 'a type inside of itself');
    if (Array.isArray(json)) return this.#union(json, column, namespace, depth);
    if (typeof json === 'string') {
      const plain = primitives[json];
      if (plain !== undefined) return { nullable: json === 'null', ...plain() };
      const named = this.#named.get(json) ?? this.#named.get(`${namespace}.${json}`);
      if (named === undefined) throw this.#unknown(json);
      return this.reader(named.json, column, named.namespace, depth + 1);
    }
    if (!isObject(json)) throw this.#unknown(json);
    const logical = logicalReader(json);
    if (logical !== undefined) {
      this.#name(json, namespace);
      return { nullable: false, ...logical };
    }
    return this.#complex(json, column, namespace, depth);
  }

  #complex(
    json: Readonly<Record<string, unknown>>,
    column: string,
    namespace: string,
    depth: number,
  ): AvroReader {
    switch (json.type) {
      case 'record':
        return recordReader(this.fields(json, namespace, depth, column));
      case 'array':
        return arrayReader(this.#inner(json.items as Json, column, namespace, depth));
      case 'map':
        return mapReader(this.#inner(json.values as Json, column, namespace, depth));
      case 'enum':
        this.#name(json, namespace);
        return enumReader(json.symbols as readonly string[]);
      case 'fixed':
        this.#name(json, namespace);
        return this.#fixed(json.size, column);
      default:
        return this.reader(json.type as Json, column, namespace, depth + 1);
    }
  }

  /** The type inside of an array or map. One whose values take no bytes could be there any number of times. */
  #inner(json: Json, column: string, namespace: string, depth: number): AvroReader {
    if (json === 'null') throw this.#refused(column, 'an array or map of nulls');
    return this.reader(json, column, namespace, depth + 1);
  }

  #fixed(size: unknown, column: string): AvroReader {
    if (!Number.isInteger(size) || (size as number) < 1 || (size as number) > MOST_FIXED_BYTES)
      throw this.#refused(column, `fixed of ${size} bytes`);
    const type = new FixedSizeBinary(size as number);
    return { type, nullable: false, read: (tap) => tap.bytes(type.byteWidth) };
  }

  #union(members: readonly Json[], column: string, namespace: string, depth: number): AvroReader {
    const values = members.filter((member) => member !== 'null');
    const nullAt = members.indexOf('null');
    if (values.length === 0 && nullAt >= 0) return this.reader('null', column, namespace, depth + 1);
    if (values.length !== 1 || members.length > 2)
      throw this.#refused(column, `a union of ${members.length} types`);
    const { type, read } = this.reader(values[0]!, column, namespace, depth + 1);
    const valueAt = members.length - 1 - Math.max(nullAt, 0);
    return {
      type,
      nullable: true,
      read(tap) {
        const index = tap.count(members.length - 1);
        return index === valueAt ? read(tap) : null;
      },
    };
  }

  /** Keeps a named type; gives the namespace of what is inside of it. */
  #name(json: Readonly<Record<string, unknown>>, namespace: string): string {
    const { name } = json;
    if (typeof name !== 'string') return namespace;
    const own = typeof json.namespace === 'string' ? json.namespace : namespace;
    const full = name.includes('.') || own === '' ? name : `${own}.${name}`;
    const inner = full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '';
    this.#named.set(full, { json, namespace: inner });
    return inner;
  }

  #refused(column: string, got: string) {
    return columnType(this.#who, column, 'a type that Arrow can hold', got);
  }

  #unknown(json: unknown) {
    return corruptInput(this.#who, 'schema', 'Avro types', JSON.stringify(json) ?? 'nothing');
  }
}

type Plain = Pick<AvroReader, 'type' | 'read'>;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const readText = (tap: AvroTap) => decoder.decode(tap.bytes(tap.count(tap.left)));
const readBytes = (tap: AvroTap) => tap.bytes(tap.count(tap.left));
const readLong = (tap: AvroTap) => tap.integer();
const readInt = (tap: AvroTap) => {
  const value = Number(tap.integer());
  if ((value | 0) === value) return value;
  throw new RangeError(`an int of ${value}`);
};

const primitives: Readonly<Record<string, () => Plain>> = {
  null: () => ({ type: new Null(), read: () => null }),
  boolean: () => ({ type: new Bool(), read: (tap) => tap.byte() !== 0 }),
  int: () => ({ type: new Int32(), read: readInt }),
  long: () => ({ type: new Int64(), read: readLong }),
  float: () => ({ type: new Float32(), read: (tap) => tap.float() }),
  double: () => ({ type: new Float64(), read: (tap) => tap.double() }),
  bytes: () => ({ type: new Binary(), read: readBytes }),
  string: () => ({ type: new Utf8(), read: readText }),
};

const logicals: Readonly<Record<string, () => Plain>> = {
  'int date': () => ({ type: new DateDay(), read: readInt }),
  'int time-millis': () => ({ type: new TimeMillisecond(), read: readInt }),
  'long time-micros': () => ({ type: new TimeMicrosecond(), read: readLong }),
  'long timestamp-millis': () => ({ type: new TimestampMillisecond('UTC'), read: readLong }),
  'long timestamp-micros': () => ({ type: new TimestampMicrosecond('UTC'), read: readLong }),
  'long timestamp-nanos': () => ({ type: new TimestampNanosecond('UTC'), read: readLong }),
  'long local-timestamp-millis': () => ({ type: new TimestampMillisecond(), read: readLong }),
  'long local-timestamp-micros': () => ({ type: new TimestampMicrosecond(), read: readLong }),
  'long local-timestamp-nanos': () => ({ type: new TimestampNanosecond(), read: readLong }),
};

/** A logical type; one that is not known, or does not fit, is what it is made of, as Avro says. */
function logicalReader(json: Readonly<Record<string, unknown>>): Plain | undefined {
  const { type, logicalType, precision, scale = 0, size } = json;
  if (logicalType !== 'decimal') return logicals[`${type} ${logicalType}`]?.();
  const isWhole = (value: unknown, least: number, most: number) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  if (!isWhole(precision, 1, 76) || !isWhole(scale, 0, precision as number)) return undefined;
  const width = (precision as number) > 38 ? 256 : 128;
  const decimal = new Decimal(scale as number, precision as number, width);
  if (type === 'bytes') return { type: decimal, read: (tap) => signed(readBytes(tap), width) };
  if (type !== 'fixed' || !isWhole(size, 1, 32)) return undefined;
  return { type: decimal, read: (tap) => signed(tap.bytes(size as number), width) };
}

/** Two's complement, highest byte first. */
function signed(bytes: Uint8Array, mostBits: number): bigint {
  if (bytes.length * 8 > mostBits) throw new RangeError(`a decimal of ${bytes.length} bytes`);
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

function recordReader(columns: readonly AvroColumn[]): AvroReader {
  const fields = columns.map(({ name, type, nullable }) => new Field(name, type, nullable));
  return { type: new Struct(fields), nullable: false, read: (tap) => columns.map(({ read }) => read(tap)) };
}

function enumReader(symbols: readonly string[]): AvroReader {
  return { type: new Utf8(), nullable: false, read: (tap) => symbols[tap.count(symbols.length - 1)] };
}

function arrayReader(items: AvroReader): AvroReader {
  const type = new List(new Field('item', items.type, items.nullable));
  return { type, nullable: false, read: (tap) => readItems(tap, items.read) };
}

function mapReader({ type, nullable, read }: AvroReader): AvroReader {
  const entry = new Struct([new Field('key', new Utf8(), false), new Field('value', type, nullable)]);
  return {
    type: new Map_(new Field('entries', entry, false) as never),
    nullable: false,
    read: (tap) => readItems(tap, (inner) => [readText(inner), read(inner)]),
  };
}

/** Items come in blocks, the last of which is empty. Each takes a byte at least, so no more are there than bytes. */
function readItems(tap: AvroTap, read: (tap: AvroTap) => unknown): unknown[] {
  const items: unknown[] = [];
  for (;;) {
    let count = Number(tap.integer());
    if (count === 0) return items;
    if (count < 0) {
      count = -count;
      tap.integer();
    }
    if (count > tap.left) throw new RangeError(`${count} items where ${tap.left} bytes are left`);
    for (let i = 0; i < count; i++) items.push(read(tap));
  }
}
