/**
 * Numbers as integers within ±2^52, each by a rule with an exact inverse. A rule is found for a batch and told with it.
 *
 *   integer    n = least + step x
 *   decimal    n = x / scale                     the float64 or float32 nearest to it
 *   single     n = the float32 nearest to x / scale, as float64
 *   printed    n = round(float32(x / 100) 10^6) / 10^6     cents that were once kept in float32
 *   ordered    a float's bits, as an integer that orders as the float does
 *   halves     64 bits as two integers: the upper 32, ordered, and the lower 32
 *
 * Floats that a rule does not give back bit for bit are escaped: they go as raw bits.
 */

export type Rule =
  | { readonly rule: 'integer'; readonly least: bigint; readonly step: bigint }
  | { readonly rule: 'decimal' | 'single'; readonly scale: number }
  | { readonly rule: 'printed' | 'ordered' | 'halves' };

export type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** What an integer may be: two of them differ by less than 2^53. */
export const MOST_INTEGER = 2 ** 52;
/** Scales of decimals in the order in which they are tried. */
export const SCALES = [
  1, 10, 100, 1000, 1e4, 60, 3600, 1e5, 1e6, 1e7, 1e8, 1e9, 2, 4, 8, 16, 32, 64, 256, 1024,
] as const;
/** A rule may leave one float in so many to be escaped. */
const ROWS_AN_ESCAPE = 32;

const { fround, round } = Math;

/** The integer of a float under a rule, or undefined where the rule does not give it back. */
export function toInteger(rule: Rule, n: number, isSingle: boolean): number | undefined {
  const x = candidate(rule, n);
  if (!(Math.abs(x) < MOST_INTEGER)) return undefined;
  const back = toFloat(rule, x, isSingle);
  return back === n && (n !== 0 || !Object.is(n, -0)) ? x : undefined;
}

function candidate(rule: Rule, n: number): number {
  if (rule.rule === 'decimal' || rule.rule === 'single') return round(n * rule.scale);
  return round(n * 100);
}

/** The float that an integer stands for. */
export function toFloat(rule: Rule, x: number, isSingle: boolean): number {
  if (rule.rule === 'decimal') return isSingle ? fround(x / rule.scale) : x / rule.scale;
  if (rule.rule === 'single') return fround(x / rule.scale);
  return round(fround(x / 100) * 1e6) / 1e6;
}

const FLOAT_RULES: readonly Rule[] = [
  ...SCALES.slice(0, 5).map((scale): Rule => ({ rule: 'decimal', scale })),
  { rule: 'printed' },
  ...SCALES.slice(5).map((scale): Rule => ({ rule: 'decimal', scale })),
  ...SCALES.slice(0, 12).map((scale): Rule => ({ rule: 'single', scale })),
];

/** The rule for floats: the first that gives all of them back, else the first that gives back nearly all. */
export function floatRule(values: Float32Array | Float64Array, isNull: (row: number) => boolean): Rule {
  const isSingle = values instanceof Float32Array;
  let nearly: Rule | undefined;
  for (const rule of FLOAT_RULES) {
    if (isSingle && rule.rule !== 'decimal') continue;
    const escapes = countEscapes(rule, values, isNull, isSingle);
    if (escapes === 0) return rule;
    if (escapes <= values.length / ROWS_AN_ESCAPE) nearly ??= rule;
  }
  return nearly ?? { rule: isSingle ? 'ordered' : 'halves' };
}

function countEscapes(
  rule: Rule,
  values: Float32Array | Float64Array,
  isNull: (row: number) => boolean,
  isSingle: boolean,
): number {
  let escapes = 0;
  for (let row = 0; row < values.length && escapes * ROWS_AN_ESCAPE <= values.length; row++) {
    if (!isNull(row) && toInteger(rule, values[row]!, isSingle) === undefined) escapes++;
  }
  return escapes;
}

/** The rule for integers: their least and greatest common step, where that brings them within ±2^52; else halves. */
export function integerRule(values: ArrayLike<number | bigint>, isNull: (row: number) => boolean): Rule {
  let least: bigint | undefined;
  let most = 0n;
  let step = 0n;
  let last: number | bigint | undefined;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (isNull(row) || value === last) continue;
    last = value;
    const n = BigInt(value);
    if (least === undefined) {
      least = n;
      most = n;
    }
    if (step !== 1n) step = greatestCommonDivisor(step, n - least);
    if (n < least) least = n;
    if (n > most) most = n;
  }
  if (least === undefined) return { rule: 'integer', least: 0n, step: 1n };
  if (step <= 1n && -MOST_INTEGER < least && most < MOST_INTEGER)
    return { rule: 'integer', least: 0n, step: 1n };
  const by = step === 0n ? 1n : step;
  return (most - least) / by < MOST_INTEGER ? { rule: 'integer', least, step: by } : { rule: 'halves' };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let x = a < 0n ? -a : a;
  let y = b < 0n ? -b : b;
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** A float32's bits as an integer that orders as the floats do; its own inverse. */
export const ordered32 = (bits: number): number => (bits < 0 ? bits ^ 0x7fffffff : bits);
