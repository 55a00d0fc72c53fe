/**
 * States as bytes: plain data in which typed arrays keep their type, and equal data gives equal bytes.
 */
import { pack, unpack } from '../../src/snapshot.js';

const kinds = { Float32Array, Float64Array, Int32Array, Uint32Array };
type Kind = keyof typeof kinds;
type Numbers = InstanceType<(typeof kinds)[Kind]>;

/** A typed array in a saved state. */
interface SavedNumbers {
  readonly kind: Kind;
  readonly bytes: Uint8Array;
}

export const toBytes = (state: unknown): Uint8Array => pack(withBytes(state));
export const fromBytes = (bytes: Uint8Array): unknown => withNumbers(unpack(bytes));

function withBytes(value: unknown): unknown {
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withBytes);
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value as Numbers;
    return { kind: value.constructor.name, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withBytes(inner)]));
}

function withNumbers(value: unknown): unknown {
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withNumbers);
  const { kind, bytes } = value as Partial<SavedNumbers>;
  if (kind !== undefined && bytes instanceof Uint8Array) return new kinds[kind](bytes.slice().buffer);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withNumbers(inner)]));
}
