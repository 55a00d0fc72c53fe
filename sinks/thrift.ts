/**
 * Structs in the compact protocol of Apache Thrift, as Parquet's footer is made of: read whole, changed, written again.
 * Fields are known by their numbers; what is not understood is kept.
 */
export type ThriftStruct = Map<number, ThriftValue>;

export type ThriftValue =
  | { readonly kind: Kind.True | Kind.False }
  | { readonly kind: Kind.I8; readonly value: number }
  | { readonly kind: Kind.I16 | Kind.I32 | Kind.I64; readonly value: bigint }
  | { readonly kind: Kind.Double | Kind.Binary; readonly value: Uint8Array }
  | { readonly kind: Kind.List | Kind.Set; readonly of: Kind; readonly items: readonly ThriftValue[] }
  | { readonly kind: Kind.Struct; readonly value: ThriftStruct };

export enum Kind {
  True = 1,
  False = 2,
  I8 = 3,
  I16 = 4,
  I32 = 5,
  I64 = 6,
  Double = 7,
  Binary = 8,
  List = 9,
  Set = 10,
  Map = 11,
  Struct = 12,
}

const DOUBLE_BYTES = 8;
/** A list of more elements than this has their count behind its first byte. */
const MOST_SHORT_LIST = 14;
const MOST_SHORT_STEP = 15;

/** The struct that bytes begin with. Throws a RangeError where they are none. */
export const decodeThrift = (bytes: Uint8Array): ThriftStruct => new Decoder(bytes).struct();

class Decoder {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(): ThriftStruct {
    const fields: ThriftStruct = new Map();
    for (let id = 0; ; ) {
      const head = this.#byte();
      if (head === 0) return fields;
      id = head >> 4 === 0 ? Number(this.#integer()) : id + (head >> 4);
      fields.set(id, this.#value(head & 15));
    }
  }

  #value(kind: Kind): ThriftValue {
    switch (kind) {
      case Kind.True:
      case Kind.False:
        return { kind };
      case Kind.I8:
        return { kind, value: this.#byte() };
      case Kind.I16:
      case Kind.I32:
      case Kind.I64:
        return { kind, value: this.#integer() };
      case Kind.Double:
        return { kind, value: this.#take(DOUBLE_BYTES) };
      case Kind.Binary:
        return { kind, value: this.#take(Number(this.#varint())) };
      case Kind.List:
      case Kind.Set:
        return this.#list(kind);
      case Kind.Struct:
        return { kind, value: this.struct() };
      default:
        throw new RangeError(`Thrift type ${kind}`);
    }
  }

  #list(kind: Kind.List | Kind.Set): ThriftValue {
    const head = this.#byte();
    const of: Kind = head & 15;
    const length = head >> 4 > MOST_SHORT_LIST ? Number(this.#varint()) : head >> 4;
    if (length > this.#bytes.length - this.#at) throw new RangeError(`a list of ${length}`);
    const isTruth = of === Kind.True || of === Kind.False;
    const items = Array.from({ length }, () => this.#value(isTruth ? this.#byte() : of));
    return { kind, of, items };
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError('the end of the bytes');
    return byte;
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new RangeError(`${length} bytes`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  #integer(): bigint {
    const coded = this.#varint();
    return coded & 1n ? -(coded >> 1n) - 1n : coded >> 1n;
  }
}

/** The bytes of a struct. */
export function encodeThrift(fields: ThriftStruct): Uint8Array {
  const out: number[] = [];
  putStruct(out, fields);
  return Uint8Array.from(out);
}

function putStruct(out: number[], fields: ThriftStruct): void {
  let last = 0;
  for (const [id, value] of [...fields].sort(([a], [b]) => a - b)) {
    const step = id - last;
    last = id;
    if (step <= MOST_SHORT_STEP) out.push((step << 4) | value.kind);
    else {
      out.push(value.kind);
      putInteger(out, BigInt(id));
    }
    putValue(out, value);
  }
  out.push(0);
}

function putValue(out: number[], field: ThriftValue): void {
  switch (field.kind) {
    case Kind.True:
    case Kind.False:
      break;
    case Kind.I8:
      out.push(field.value);
      break;
    case Kind.I16:
    case Kind.I32:
    case Kind.I64:
      putInteger(out, field.value);
      break;
    case Kind.Binary:
      putVarint(out, BigInt(field.value.length));
      for (const byte of field.value) out.push(byte);
      break;
    case Kind.Double:
      for (const byte of field.value) out.push(byte);
      break;
    case Kind.Struct:
      putStruct(out, field.value);
      break;
    default:
      putList(out, field.of, field.items);
  }
}

function putList(out: number[], of: Kind, items: readonly ThriftValue[]): void {
  const isShort = items.length <= MOST_SHORT_LIST;
  out.push(((isShort ? items.length : MOST_SHORT_LIST + 1) << 4) | of);
  if (!isShort) putVarint(out, BigInt(items.length));
  for (const item of items) {
    if (item.kind === Kind.True || item.kind === Kind.False) out.push(item.kind);
    putValue(out, item);
  }
}

function putVarint(out: number[], value: bigint): void {
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

const putInteger = (out: number[], value: bigint) =>
  putVarint(out, value < 0n ? ((-value - 1n) << 1n) | 1n : value << 1n);
