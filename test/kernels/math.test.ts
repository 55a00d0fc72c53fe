import { describe, expect, it } from 'vitest';
import { openArena } from '../../src/kernels/kernel.js';
import { exp64, logSigmoid64, mathKernels, sigmoid64 } from '../../src/kernels/math.js';

const BLOCK = 1 << 16;
const SMALLEST_NORMAL = 2 ** -126;
const LARGEST = 2 ** 128 - 2 ** 104;

const arena = openArena(mathKernels, 8 * BLOCK, 'wasm');
const x = new Float32Array(arena.buffer, arena.base, BLOCK);
const xBits = new Uint32Array(arena.buffer, arena.base, BLOCK);
const y = new Float32Array(arena.buffer, arena.base + 4 * BLOCK, BLOCK);
const twinY = new Float32Array(BLOCK);

const functions = {
  expF32: { exact: Math.exp, ulps: 1 },
  logF32: { exact: Math.log, ulps: 1 },
  sigmoidF32: { exact: (v: number) => (v < 0 ? Math.exp(v) : 1) / (1 + Math.exp(-Math.abs(v))), ulps: 2.5 },
  softplusF32: { exact: (v: number) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))), ulps: 2 },
};
type Name = keyof typeof functions;
const names = Object.keys(functions) as Name[];

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

function bitsOf(value: number): number {
  float[0] = value;
  return bits[0]!;
}

/** The distance of two neighbouring float32 numbers as large as this one. */
function ulpOf(value: number): number {
  float[0] = Math.abs(value);
  bits[0] = Math.max(bits[0]! & 0x7f800000, 1 << 23);
  return float[0]! * 2 ** -23;
}

/** The largest error of y in ULP; results too small for a normal float32 must be 0, and NaN a NaN. */
function worstUlps(count: number, exact: (v: number) => number, subnormals: boolean): number {
  let worst = 0;
  for (let i = 0; i < count; i++) {
    const got = y[i]!;
    const expected = exact(x[i]!);
    if (Number.isNaN(expected) || Math.abs(expected) > LARGEST) {
      if (!Object.is(got, Math.fround(expected))) return Infinity;
    } else if (Math.abs(expected) < SMALLEST_NORMAL && !subnormals) {
      if (got !== 0) return Infinity;
    } else {
      worst = Math.max(worst, Math.abs(got - expected) / ulpOf(expected));
    }
  }
  return worst;
}

/** Every `stride`th float32 whose bits are from `first` to `last`. */
function worstUlpsOver(name: Name, first: number, last: number, stride: number): number {
  let worst = 0;
  for (let start = first; start <= last; start += BLOCK * stride) {
    const count = Math.min(BLOCK, Math.floor((last - start) / stride) + 1);
    for (let i = 0; i < count; i++) xBits[i] = start + i * stride;
    arena.kernels[name](x, y, count);
    worst = Math.max(worst, worstUlps(count, functions[name].exact, name === 'logF32'));
  }
  return worst;
}

const applied = (name: Name, values: readonly number[]) => {
  x.set(values);
  arena.kernels[name](x, y, values.length);
  return Array.from(y.subarray(0, values.length));
};

describe('float32 functions', () => {
  it('expF32 is right within 1 ULP for every float32 from 2^-26 to beyond overflow and underflow', () => {
    for (const sign of ['', '-']) {
      const smallest = bitsOf(Number(`${sign}1`) * 2 ** -26);
      const largest = bitsOf(Number(`${sign}90`));
      expect(worstUlpsOver('expF32', smallest, largest, 1)).toBeLessThanOrEqual(1);
    }
  }, 180_000);

  it.each(names)(
    '%s is right within its bound over all of float32',
    (name) => {
      expect(worstUlpsOver(name, 0, 0xffffffff, 101)).toBeLessThanOrEqual(functions[name].ulps);
    },
    60_000,
  );

  it('expF32 has e^x = 1 around 0, and knows where it ends', () => {
    expect(applied('expF32', [0, -0, 1e-45, -1e-45, 2 ** -27, -(2 ** -27)])).toEqual([1, 1, 1, 1, 1, 1]);
    expect(applied('expF32', [88.72284, 89, 1e30, Infinity])).toEqual([
      Infinity,
      Infinity,
      Infinity,
      Infinity,
    ]);
    expect(applied('expF32', [-87.33655, -1e30, -Infinity])).toEqual([0, 0, 0]);
    expect(applied('expF32', [88.72283, -87.33654]).every((v) => v > 0 && v < Infinity)).toBe(true);
    expect(applied('expF32', [Number.NaN])).toEqual([Number.NaN]);
  });

  it('logF32 treats 0, negative, subnormal and infinite numbers as IEEE does', () => {
    expect(applied('logF32', [0, -0, 1, Infinity])).toEqual([-Infinity, -Infinity, 0, Infinity]);
    expect(applied('logF32', [-1, -1e-45, -Infinity, Number.NaN])).toEqual(Array(4).fill(Number.NaN));
    expect(applied('logF32', [2 ** -149])[0]).toBeCloseTo(-103.27893, 4);
  });

  it('sigmoidF32 and softplusF32 neither overflow nor turn into NaN at the ends', () => {
    const ends = [-Infinity, -1e30, -88, 1e30, Infinity, Number.NaN];
    expect(applied('sigmoidF32', ends)).toEqual([0, 0, 0, 1, 1, Number.NaN]);
    expect(applied('softplusF32', ends)).toEqual([0, 0, 0, Math.fround(1e30), Infinity, Number.NaN]);
    expect(applied('sigmoidF32', [0])).toEqual([0.5]);
    expect(applied('softplusF32', [100])).toEqual([100]);
  });

  it.each([...names, 'elu1', 'relu'] as const)('%s has a twin in TypeScript with the same bits', (name) => {
    for (let first = 0; first < 2 ** 32; first += BLOCK * 1009) {
      for (let i = 0; i < BLOCK; i++) xBits[i] = first + i * 1009;
      if (name === 'elu1' || name === 'relu') {
        twinY.set(x);
        mathKernels.twins[name](twinY, BLOCK);
        arena.kernels[name](x, BLOCK);
        y.set(x);
      } else {
        mathKernels.twins[name](x, twinY, BLOCK);
        arena.kernels[name](x, y, BLOCK);
      }
      expect(firstDifference(y, twinY)).toBe(-1);
    }
  });

  it('works in place, for any length, and touches nothing behind it', () => {
    for (let n = 0; n < 10; n++) {
      x.fill(1, 0, n + 1);
      arena.kernels.expF32(x, x, n);
      expect(Array.from(x.subarray(0, n + 1))).toEqual([...Array(n).fill(Math.fround(Math.E)), 1]);
    }
  });

  it('elu1 is elu + 1, relu keeps what is positive', () => {
    x.set([-2, 0, 3]);
    arena.kernels.elu1(x, 3);
    expect(Array.from(x.subarray(0, 3))).toEqual([Math.fround(Math.exp(-2)), 1, 4]);
    x.set([-2, 0, 3]);
    arena.kernels.relu(x, 3);
    expect(Array.from(x.subarray(0, 3))).toEqual([0, 0, 3]);
  });
});

describe('firstNonFinite', () => {
  const both = [arena.kernels.firstNonFinite, mathKernels.twins.firstNonFinite];

  it('finds the first NaN or infinity wherever it is', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      for (let at = 0; at < 50; at++) {
        x.fill(-LARGEST, 0, 50);
        x[at] = bad;
        x[49] = bad;
        for (const find of both) expect(find(x, 50)).toBe(at);
      }
    }
  });

  it('says -1 for finite numbers, whatever comes behind them', () => {
    for (let n = 0; n < 50; n++) {
      x.fill(LARGEST, 0, n);
      x[n] = Number.NaN;
      for (const find of both) expect(find(x, n)).toBe(-1);
    }
  });
});

describe('exp64', () => {
  it('is within 1 ULP of Math.exp', () => {
    let worst = 0;
    for (let v = -745; v <= 709; v += 0.0009765625) {
      const expected = Math.exp(v);
      const ulp = Math.max(2 ** (Math.floor(Math.log2(expected)) - 52), Number.MIN_VALUE);
      worst = Math.max(worst, Math.abs(exp64(v) - expected) / ulp);
    }
    expect(worst).toBeLessThanOrEqual(1);
  });

  it('knows 0, the ends of the range, and NaN', () => {
    expect([0, -0, Infinity, -Infinity, 709.79, -745.14, Number.NaN].map(exp64)).toEqual([
      1,
      1,
      Infinity,
      0,
      Infinity,
      0,
      Number.NaN,
    ]);
  });
});

describe('sigmoid64 and logSigmoid64', () => {
  it('equal what Math has to a few units in the last place', () => {
    for (let x = -700; x <= 700; x += 0.03125) {
      const power = Math.exp(-Math.abs(x));
      const sigmoid = (x < 0 ? power : 1) / (1 + power);
      const log = Math.min(x, 0) - Math.log1p(power);
      expect(Math.abs(sigmoid64(x) / sigmoid - 1)).toBeLessThanOrEqual(2 ** -51);
      expect(Math.abs(logSigmoid64(x) / log - 1)).toBeLessThanOrEqual(2 ** -50);
    }
  });

  it('know 0 and what is far away', () => {
    expect([0, 800, -800].map(sigmoid64)).toEqual([0.5, 1, 0]);
    expect([800, -800, -1e30].map(logSigmoid64)).toEqual([0, -800, -1e30]);
    expect(logSigmoid64(0)).toBeCloseTo(-Math.LN2, 15);
  });
});

/** Where two arrays first differ in more than the bits of a NaN, -1 if nowhere. */
function firstDifference(a: Float32Array, b: Float32Array): number {
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
}
