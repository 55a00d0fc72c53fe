/**
 * How a column of numbers is coded.
 */

/** Which coder, from which guess (0: none, else its place + 1), and within what range. */
export interface NumberPlan {
  readonly coder: Coder;
  readonly base: number;
  readonly least: number;
  readonly most: number;
  /** Bits of `most − least`. */
  readonly bits: number;
}

export const CODERS = ['tree', 'digits', 'residual'] as const;
export type Coder = (typeof CODERS)[number];

export const bitsOf = (x: number): number => {
  if (x <= 0x7fffffff) return 32 - Math.clz32(x);
  let bits = 0;
  for (let rest = x; rest >= 1; rest = Math.floor(rest / 2)) bits++;
  return bits;
};
