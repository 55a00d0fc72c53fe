/**
 * The bytes of states and checkpoints: magic, format version, body length, checksum, body. The one file that knows
 * msgpackr.
 *
 * Reading makes five checks, each with a message that names both values: the magic, the length, the checksum (of body
 * and format version), the format version, and what the state is of (name, version, options, layout).
 */
import { Packr } from 'msgpackr';
import { crc32c } from './checksum.js';
import { checkpointCorrupt, reason, stateMismatch } from './errors.js';
import { type Identity, refuseMismatch } from './identity.js';

const MAGIC = 'CHUNKWSE';
const FORMAT_VERSION = 1;
const HEADER_BYTES = 24;

const packr = new Packr({ useRecords: false, int64AsType: 'bigint', moreTypes: true });

/** Plain data as bytes. Keys keep their order, typed arrays their type, so equal data gives equal bytes. */
export const pack = (value: unknown): Uint8Array => new Uint8Array(packr.pack(value));

/** What `pack` wrote; byte strings come back as Uint8Arrays of their own. */
export const unpack = (bytes: Uint8Array): unknown => ownBytes(packr.unpack(bytes));

/** In Node, msgpackr answers with Buffers that share the input's memory. */
function ownBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(ownBytes);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, ownBytes(inner)]));
  }
  return value;
}

/** Frames a body: what `unseal` checks. */
export function seal(body: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(HEADER_BYTES + body.length);
  const header = new DataView(sealed.buffer);
  for (let i = 0; i < MAGIC.length; i++) sealed[i] = MAGIC.charCodeAt(i);
  header.setUint32(8, FORMAT_VERSION, true);
  header.setUint32(12, crc32c(body, FORMAT_VERSION), true);
  header.setFloat64(16, body.length, true);
  sealed.set(body, HEADER_BYTES);
  return sealed;
}

/** The body inside a frame, once magic, format version, length and checksum are found right. */
export function unseal(who: string, sealed: Uint8Array): Uint8Array {
  const magic = String.fromCharCode(...sealed.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw checkpointCorrupt(who, 'magic of the saved state', MAGIC, printable(magic));
  if (sealed.length < HEADER_BYTES) {
    throw checkpointCorrupt(who, 'header bytes of the saved state', HEADER_BYTES, sealed.length);
  }
  const header = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const body = sealed.subarray(HEADER_BYTES);
  const length = header.getFloat64(16, true);
  if (length !== body.length)
    throw checkpointCorrupt(who, 'body bytes of the saved state', length, body.length);
  const checksum = header.getUint32(12, true);
  const version = header.getUint32(8, true);
  const actual = crc32c(body, version);
  if (checksum !== actual) throw checkpointCorrupt(who, 'checksum of the saved state', checksum, actual);
  if (version !== FORMAT_VERSION) {
    const advice = 'It was written by another release: run that one, or start afresh.';
    throw stateMismatch(who, 'format version of the saved state', FORMAT_VERSION, version, advice);
  }
  return body;
}

const printable = (text: string) => text.replace(/[^ -~]/g, '?');

/** One operator's state, self-contained. */
export const encodeState = ({ name, version, options, layout }: Identity, bytes: Uint8Array): Uint8Array =>
  seal(pack({ name, version, options, layout, bytes }));

/** The state bytes inside what `encodeState` wrote, checked to belong to `expected`. */
export function decodeState(expected: Identity, sealed: Uint8Array): Uint8Array {
  const saved = unpacked(unseal(expected.name, sealed)) as Partial<Identity & { bytes: Uint8Array }> | null;
  if (!(saved?.bytes instanceof Uint8Array)) {
    throw checkpointCorrupt(expected.name, 'contents of the saved state', 'a state', saved);
  }
  refuseMismatch(expected.name, expected, saved as Identity);
  return saved.bytes;
}

/** What `pack` wrote, or the reason why nothing of the kind was found. */
export function unpacked(body: Uint8Array): unknown {
  try {
    return unpack(body);
  } catch (error) {
    return reason(error);
  }
}
