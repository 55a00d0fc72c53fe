/**
 * The product of a Toeplitz matrix and many columns, by fast Fourier transforms in float64: O(n log n) a column.
 *
 *   y_i = sum over j of c_(j-i) x_j,   -W <= j - i <= W
 *
 * The transform to frequencies leaves them in bit-reversed order and the one back takes them so: nothing is reordered.
 * Roots of unity come from halving angles with square roots, so that their bits are the same in every engine.
 */

/** A sequence of complex numbers whose length is a power of two. */
interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

const complex = (n: number): Complex => ({ re: new Float64Array(n), im: new Float64Array(n) });

/** e^(-2 pi i k / n) for k = 0 … n / 2 − 1, n a power of two. */
export function rootsOfUnity(n: number): Complex {
  const half = Math.max(n / 2, 1);
  const { re, im } = complex(half);
  re[0] = 1;
  for (let step = half / 2, [cos, sin] = [0, -1]; step >= 1; step /= 2) {
    for (let k = step; k < half; k += 2 * step) {
      const before = k - step;
      re[k] = re[before]! * cos - im[before]! * sin;
      im[k] = re[before]! * sin + im[before]! * cos;
    }
    const next = Math.sqrt((1 + cos) / 2);
    sin /= 2 * next;
    cos = next;
  }
  return { re, im };
}

/** To frequencies in bit-reversed order, in place. */
export function toFrequencies({ re, im }: Complex, roots: Complex): void {
  const n = re.length;
  for (let half = n / 2; half >= 1; half /= 2) {
    const stride = n / (2 * half);
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0, root = 0; k < half; k++, root += stride) {
        const a = start + k;
        const b = a + half;
        const x = re[a]! - re[b]!;
        const y = im[a]! - im[b]!;
        re[a] = re[a]! + re[b]!;
        im[a] = im[a]! + im[b]!;
        re[b] = x * roots.re[root]! - y * roots.im[root]!;
        im[b] = x * roots.im[root]! + y * roots.re[root]!;
      }
    }
  }
}

/** Back from frequencies in bit-reversed order, in place, n times too large. */
export function fromFrequencies({ re, im }: Complex, roots: Complex): void {
  const n = re.length;
  for (let half = 1; half < n; half *= 2) {
    const stride = n / (2 * half);
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0, root = 0; k < half; k++, root += stride) {
        const a = start + k;
        const b = a + half;
        const x = re[b]! * roots.re[root]! + im[b]! * roots.im[root]!;
        const y = im[b]! * roots.re[root]! - re[b]! * roots.im[root]!;
        re[b] = re[a]! - x;
        im[b] = im[a]! - y;
        re[a] = re[a]! + x;
        im[a] = im[a]! + y;
      }
    }
  }
}

export interface Toeplitz {
  /** Two columns of n numbers at a time, in place: the real and the imaginary part. What is behind n is overwritten. */
  multiply(columns: Complex): void;
  /** A pair of columns, as long as the transform. */
  columns(): Complex;
}

/** The Toeplitz matrix of n rows with c = diagonals [−W … W]. */
export function toeplitz(diagonals: ArrayLike<number>, n: number): Toeplitz {
  const W = Math.min((diagonals.length - 1) / 2, n - 1);
  const middle = (diagonals.length - 1) / 2;
  let length = 1;
  while (length < n + W) length *= 2;
  const roots = rootsOfUnity(length);
  const kernel = complex(length);
  for (let d = -W; d <= W; d++) kernel.re[(length - d) % length] = diagonals[middle + d]! / length;
  toFrequencies(kernel, roots);
  return {
    columns: () => complex(length),
    multiply(columns) {
      const { re, im } = columns;
      re.fill(0, n);
      im.fill(0, n);
      toFrequencies(columns, roots);
      for (let i = 0; i < length; i++) {
        const x = re[i]! * kernel.re[i]! - im[i]! * kernel.im[i]!;
        im[i] = re[i]! * kernel.im[i]! + im[i]! * kernel.re[i]!;
        re[i] = x;
      }
      fromFrequencies(columns, roots);
    },
  };
}
