/**
 * Decimals as big integers and a scale: the digits behind the point.
 */
import type { Data } from 'apache-arrow';

export interface DecimalNumber {
  readonly digits: bigint;
  /** The value is digits / 10^scale; never negative. */
  readonly scale: number;
}

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/;

/** The decimal that a text such as `-12.5` or `1e3` is; undefined where it is none. */
export function decimalOf(text: string): DecimalNumber | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** The same value at another scale; undefined where it has more digits behind the point. */
export function rescaled({ digits, scale }: DecimalNumber, to: number): bigint | undefined {
  if (to >= scale) return digits * 10n ** BigInt(to - scale);
  const unit = 10n ** BigInt(scale - to);
  return digits % unit === 0n ? digits / unit : undefined;
}

/** The integer that a row of a decimal column holds. */
export function integerAt({ values, stride }: Data, row: number): bigint {
  let value = 0n;
  for (let w = stride - 1; w >= 0; w--) value = (value << 32n) | BigInt(values[row * stride + w]);
  return BigInt.asIntN(stride * 32, value);
}
