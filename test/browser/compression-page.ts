/**
 * What the browser test of compression runs: what Node compressed is decompressed, compressed again, and damaged.
 */
import {
  applyTo,
  binary,
  compress,
  DataflowError,
  decompress,
  fromColumns,
  type Operator,
} from '../../src/index.js';

/** The options that the bytes were compressed with. */
export const OPTIONS = { level: 5, tableShift: 8, frameBytes: 1000, streams: 2 };

const through = (operator: Operator, column: string, bytes: Uint8Array): Uint8Array => {
  const values = { offsets: Int32Array.of(0, bytes.length), values: bytes };
  const batch = fromColumns({ [column]: { type: binary(), values } });
  const [output] = Object.keys(operator.description.outputs) as [string];
  const rows = applyTo(batch, operator).batches.flatMap((out) => [...out.getChild(output)!] as Uint8Array[]);
  return Uint8Array.from(rows.flatMap((row) => [...row]));
};

function codeOf(bytes: Uint8Array): string {
  try {
    through(decompress({}), 'compressed', bytes);
    return 'no error';
  } catch (error) {
    return error instanceof DataflowError ? error.code : String(error);
  }
}

/** What came of compressed bytes, given as base64. */
export async function work(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const raw = through(decompress({}), 'compressed', bytes);
  const again = through(compress(OPTIONS), 'bytes', raw);
  const isSame = again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
  const sum = raw.reduce((total, byte) => (Math.imul(total, 31) + byte) >>> 0, 7);
  const damaged = bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte));
  const codes = [codeOf(damaged), codeOf(bytes.subarray(0, -1))];
  return `${raw.length} bytes, checksum ${sum}, ${isSame ? 'the same' : 'other bytes'} again, ${codes}`;
}
