/**
 * Checks of the numbers that objectives are given.
 */
import { crc32c } from '../../../src/checksum.js';
import { optionRange } from '../../../src/errors.js';

/** `length` finite numbers that are not negative. */
export function weightsOf(name: string, given: ArrayLike<number>, length: number): Float64Array {
  const weights = Float64Array.from(given);
  if (weights.length !== length) throw optionRange('', name, `${length} numbers`, `${weights.length}`);
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (wrong >= 0) throw optionRange('', `${name}[${wrong}]`, 'a finite number of at least 0', weights[wrong]);
  return weights;
}

/** A long list in few words, for an operator's identity: its length and a checksum. */
export const digest = (values: Float32Array): string => {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return `${values.length} numbers, crc32c ${crc32c(bytes).toString(16)}`;
};
