/**
 * Compressing and decompressing byte strings in tests.
 */
import { type CompressOptions, compress } from '../../operators/compression/compress.js';
import { applyTo } from '../../src/apply.js';
import type { Operator } from '../../src/operator.js';
import { binary, type Varying } from '../../src/row-types.js';
import { outputsOf } from './outcome.js';
import { cutInto } from './rows.js';

/** The smallest model there is. */
export const TINY: CompressOptions = { level: 1, tableShift: 14 };

/** One row a piece. */
const rowsOf = (pieces: readonly Uint8Array[]): Varying => {
  const offsets = [0];
  for (const { length } of pieces) offsets.push(offsets.at(-1)! + length);
  return { offsets: Int32Array.from(offsets), values: joined(pieces) };
};

/** Bytes in rows of the given lengths, the rest in one more. */
export function pieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  let from = 0;
  return [...lengths, bytes.length].map((length) => {
    const piece = bytes.subarray(from, from + length);
    from += piece.length;
    return piece;
  });
}

/** Runs an operator from rows of bytes to rows of bytes; `batches` are the rows of each batch, the rest is one more. */
export function through(
  operator: Operator,
  rows: readonly Uint8Array[],
  batches: readonly number[] = [],
): Uint8Array[] {
  const { inputs, outputs } = operator.description;
  const [[role]] = Object.entries(inputs) as [[string, unknown]];
  const [out] = Object.keys(outputs) as [string];
  const given = cutInto({ [role]: binary() }, { [role]: rowsOf(rows) }, batches);
  const { offsets, values } = outputsOf(operator, applyTo(given, operator).batches)[
    out
  ] as Varying<Uint8Array>;
  return Array.from({ length: offsets.length - 1 }, (_, t) => values.subarray(offsets[t], offsets[t + 1]));
}

export const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** The compressed stream of some bytes. */
export const compressed = (bytes: Uint8Array, options: CompressOptions = TINY): Uint8Array =>
  joined(through(compress(options), [bytes]));

export const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);
