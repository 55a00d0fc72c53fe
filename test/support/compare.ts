/**
 * Comparisons that say where two results part.
 */
import type { AnyArray } from '../../src/layout.js';
import type { ColumnView, Id, Varying } from '../../src/row-types.js';
import type { Outcome } from './outcome.js';

const bytesOf = (array: AnyArray) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Throws unless both hold the same bytes: −0 is not 0, and each NaN is itself. */
export function expectSameBits(got: AnyArray, expected: AnyArray, what: string): void {
  if (got.constructor !== expected.constructor || got.length !== expected.length) {
    throw new Error(
      `${what}: expected ${expected.constructor.name}[${expected.length}], got ${got.constructor.name}[${got.length}]`,
    );
  }
  const a = bytesOf(got);
  const b = bytesOf(expected);
  if (a.equals(b)) return;
  const first = a.findIndex((byte, i) => byte !== b[i]);
  const i = Math.floor(first / got.BYTES_PER_ELEMENT);
  throw new Error(`${what}[${i}]: expected the bits of ${expected[i]}, got ${got[i]}`);
}

/** Throws unless outputs and state are the same, bit for bit. */
/** Throws unless both columns hold the same rows, to the bit. */
export function expectSameColumn(got: ColumnView, expected: ColumnView, what: string): void {
  if (ArrayBuffer.isView(expected)) {
    expectSameBits(got as AnyArray, expected as AnyArray, what);
  } else if ('offsets' in expected) {
    expectSameBits((got as Varying).offsets, expected.offsets, `${what}, offsets`);
    expectSameColumn((got as Varying).values, expected.values as AnyArray, `${what}, values`);
  } else {
    const differs = expected.findIndex((id, i) => (got as readonly Id[])[i] !== id);
    if (differs < 0 && (got as readonly Id[]).length === expected.length) return;
    throw new Error(
      `${what}[${differs}]: expected id ${expected[differs]}, got ${(got as readonly Id[])[differs]}`,
    );
  }
}

export function expectSameOutcome(got: Outcome, expected: Outcome, what: string): void {
  for (const role of Object.keys(expected.outputs)) {
    expectSameColumn(got.outputs[role]!, expected.outputs[role]!, `${what}, ${role}`);
  }
  expectSameBits(got.snapshot, expected.snapshot, `${what}, state`);
}

/** The root mean square of the differences, relative to that of the expected values. */
export function relativeRmse(got: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let error = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = Number(expected[i]!);
    if (Object.is(Number(got[i]!), value) || Number(got[i]!) === value) {
      if (Number.isFinite(value)) size += value ** 2;
      continue;
    }
    error += (Number(got[i]!) - value) ** 2;
    size += value ** 2;
  }
  return error === 0 ? 0 : Math.sqrt(error / size);
}

/** Throws unless the relative RMSE is at most `tolerance`. */
export function expectClose(
  got: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  tolerance: number,
  what: string,
): void {
  const error = relativeRmse(got, expected);
  if (error <= tolerance) return;
  const lengths =
    got.length === expected.length ? '' : ` (${got.length} values, expected ${expected.length})`;
  throw new Error(`${what}: expected a relative RMSE of at most ${tolerance}, got ${error}${lengths}`);
}
