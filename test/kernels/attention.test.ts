import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attentionKernels, tilesOf } from '../../src/kernels/attention.js';
import { packShape, type Shape, TILE_ROWS } from '../../src/kernels/attention-block.js';
import { ringPosition } from '../../src/kernels/causal-attention.js';
import { UNIT_NUMBERS } from '../../src/kernels/decode-attention.js';
import type { Backend } from '../../src/kernels/kernel.js';
import { softmaxKernels } from '../../src/kernels/softmax.js';
import { f32, f64, i32, type Views } from '../../src/layout.js';
import { expectSameBits } from '../support/compare.js';
import { guardedViews } from '../support/guarded-arrays.js';
import { campaign, uniform } from '../support/property.js';

const BLOCK = 64;
const MOST_ROWS = 64;

/** Fills an array with what `draw` gives. */
function drawn(x: Float32Array, draw: (i: number) => number): void {
  for (let i = 0; i < x.length; i++) x[i] = draw(i);
}

const shapeOf = (shape: Partial<Shape>): Shape => {
  const { heads = 2, windowRows = 100, sinkRows = 0 } = shape;
  const sinkBlocks = Math.ceil(sinkRows / BLOCK);
  return {
    heads,
    kvHeads: heads,
    keyDim: 5,
    valueDim: 7,
    rank: 0,
    sinkBlocks,
    ringBlocks: sinkBlocks + Math.ceil((windowRows - 1) / BLOCK) + 1,
    windowRows,
    sinkRows,
    decays: 0,
    scale: 0.4,
    threshold: -1,
    ...shape,
  };
};

const causalTypes = (shape: Shape) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R, ringBlocks: N, decays } = shape;
  return {
    keys: f32(kvHeads, N, K, BLOCK),
    values: f32(kvHeads, N, BLOCK, V),
    phi: f32(H, N, R, BLOCK),
    decay: f64(H, decays * N, BLOCK),
    total: f64(H),
    q: f32(MOST_ROWS, H, K),
    k: f32(MOST_ROWS, kvHeads, K),
    v: f32(MOST_ROWS, kvHeads, V),
    g: f32(MOST_ROWS, H),
    phiQ: f32(MOST_ROWS, H, R),
    phiK: f32(MOST_ROWS, H, R),
    sinkBias: f32(H),
    o: f32(MOST_ROWS, H, V),
    m: f32(H, BLOCK),
    l: f32(H, BLOCK),
    packed: f32(H, BLOCK, K + R),
    scores: f32(TILE_ROWS, BLOCK),
    shape: i32(12),
  };
};
type CausalArrays = Views<ReturnType<typeof causalTypes>>;
const ROWS = ['q', 'k', 'v', 'g', 'phiQ', 'phiK'] as const;
type Rows = Record<(typeof ROWS)[number], Float32Array>;

function rowsFor(shape: Shape, T: number, seed: number): Rows {
  const random = uniform(seed);
  const types = causalTypes(shape);
  const entries = ROWS.map((role) => {
    const width = types[role].length / MOST_ROWS;
    const domain = role === 'g' ? () => -random() : () => 4 * random() - 2;
    return [role, Float32Array.from({ length: T * width }, domain)];
  });
  return Object.fromEntries(entries) as Rows;
}

interface Settings {
  readonly cuts?: readonly number[];
  readonly backend?: Backend;
  /** Tiles of rows that a call takes (default all). */
  readonly tilesACall?: number;
  readonly last?: keyof CausalArrays;
  /** Sees the arrays after each call. */
  readonly meddle?: (arrays: CausalArrays, rowsSoFar: number) => void;
}

function causal(shape: Shape, rows: Rows, settings: Settings = {}) {
  const { cuts = [64], backend = 'wasm', tilesACall = Number.POSITIVE_INFINITY, last, meddle } = settings;
  const { kernels, arrays: a, untouched } = guardedViews(attentionKernels, causalTypes(shape), backend, last);
  a.shape.set(packShape(shape));
  a.total.fill(0);
  a.sinkBias.fill(0.3);
  const perRow = shape.heads * shape.valueDim;
  const T = rows.q.length / (shape.heads * shape.keyDim);
  const o = new Float32Array(T * perRow);
  let kept = 0;
  for (let t = 0, call = 0; t < T; call++) {
    const count = Math.min(cuts[call % cuts.length]!, T - t, BLOCK - (t % BLOCK));
    for (const role of ROWS) {
      const width = a[role].length / MOST_ROWS;
      a[role].set(rows[role].subarray(t * width, (t + count) * width));
    }
    const position = ringPosition(t, shape);
    const rings = [a.keys, a.values, a.phi, a.decay] as const;
    const place = [a.shape, count, position] as const;
    for (let h = shape.kvHeads; h-- > 0; ) {
      const kept = kernels.keepRing(...rings, a.total, a.k, a.v, a.g, a.phiK, ...place, h, h + 1);
      expect(kept).toBe(count);
    }
    const tiles = tilesOf(shape.heads, count);
    for (let from = 0; from < tiles; from += tilesACall) {
      const to = Math.min(tiles, from + tilesACall);
      const rows = [a.q, a.phiQ, a.sinkBias, a.o, a.m, a.l, a.packed, a.scores] as const;
      kept += kernels.attendRing(...rings, ...rows, ...place, from, to);
    }
    o.set(a.o.subarray(0, count * perRow), t * perRow);
    t += count;
    meddle?.(a, t);
  }
  return { o, kept, untouched: untouched() };
}

const SHAPES: readonly Shape[] = [
  shapeOf({}),
  shapeOf({ heads: 3, keyDim: 1, valueDim: 1, windowRows: 1 }),
  shapeOf({ heads: 4, kvHeads: 2, keyDim: 8, valueDim: 16, windowRows: 64, threshold: 1 }),
  shapeOf({ heads: 6, kvHeads: 1, keyDim: 17, valueDim: 3, windowRows: 17, sinkRows: 5, threshold: 0 }),
  shapeOf({ heads: 2, rank: 3, windowRows: 130, sinkRows: 70, decays: 1 }),
  shapeOf({ heads: 1, keyDim: 64, valueDim: 64, rank: 1, windowRows: 65, decays: 1 }),
];

describe('keepRing and attendRing', () => {
  it('have twins in TypeScript with the same bits', () => {
    for (const shape of SHAPES) {
      const rows = rowsFor(shape, 300, 1);
      const twin = causal(shape, rows, { backend: 'typescript', cuts: [50] });
      const wasm = causal(shape, rows);
      expectSameBits(twin.o, wasm.o, JSON.stringify(shape));
      expect(twin.kept).toBe(wasm.kept);
      expect([twin.untouched, wasm.untouched]).toEqual([true, true]);
    }
  });

  it('have the bits of their twins while rings of several blocks turn more than twice', () => {
    const rings = [
      shapeOf({ heads: 2, keyDim: 7, valueDim: 5, windowRows: 333 }),
      shapeOf({ heads: 3, kvHeads: 1, keyDim: 5, valueDim: 9, windowRows: 257, sinkRows: 71, threshold: 2 }),
      shapeOf({ heads: 2, kvHeads: 1, keyDim: 3, valueDim: 6, rank: 2, windowRows: 449, decays: 1 }),
    ];
    for (const [i, shape] of rings.entries()) {
      const rows = rowsFor(shape, 2 * BLOCK * (shape.ringBlocks + 1) + 37, i);
      const twin = causal(shape, rows, { backend: 'typescript' });
      for (const settings of [{}, { cuts: [61, 64, 1], tilesACall: 3 }]) {
        const wasm = causal(shape, rows, settings);
        expectSameBits(wasm.o, twin.o, JSON.stringify(shape));
        expect(wasm.kept).toBe(twin.kept);
        expect(wasm.untouched).toBe(true);
      }
    }
  });

  it('give the same bits whatever tiles a call takes', () => {
    for (const shape of SHAPES) {
      const rows = rowsFor(shape, 150, 2);
      const whole = causal(shape, rows).o;
      for (const tilesACall of [1, 3, 17]) {
        expectSameBits(causal(shape, rows, { tilesACall }).o, whole, `${tilesACall} a call`);
      }
    }
  });

  it('give the same bits however the rows are cut, one by one as well', () => {
    const cuts = fc.array(fc.constantFrom(1, 2, 3, 5, 31, 63, 64), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(fc.constantFrom(...SHAPES), cuts, (shape, lengths) => {
        const rows = rowsFor(shape, 270, 3);
        const cut = causal(shape, rows, { cuts: lengths });
        const whole = causal(shape, rows);
        expectSameBits(cut.o, whole.o, `cut into ${lengths}`);
        expect(cut.kept).toBe(whole.kept);
      }),
      campaign(3),
    );
  });

  it('read nothing behind its arrays: each in turn ends where memory ends', () => {
    for (const shape of SHAPES) {
      const rows = rowsFor(shape, 200, 5);
      const expected = causal(shape, rows).o;
      for (const last of Object.keys(causalTypes(shape)) as (keyof CausalArrays)[]) {
        const { o, untouched } = causal(shape, rows, { last });
        expectSameBits(o, expected, `${last} at the end`);
        expect(untouched, last).toBe(true);
      }
    }
  });

  it.each(['wasm', 'typescript'] as const)(
    'lets no NaN in where a ring has no row yet, or a row left (%s)',
    (backend) => {
      // Rings start as NaN in these tests; here the rows that have left the window become NaN as well.
      for (const shape of SHAPES.filter(({ sinkRows }) => sinkRows === 0)) {
        const rows = rowsFor(shape, 260, 7);
        const clean = causal(shape, rows, { backend });
        const meddle = ({ keys, values }: CausalArrays, t: number) => {
          const { ringBlocks, windowRows, keyDim: K, valueDim: V, kvHeads } = shape;
          for (let row = Math.max(0, t - ringBlocks * BLOCK); row <= t - windowRows; row++) {
            const slot = Math.floor(row / BLOCK) % ringBlocks;
            for (let head = 0; head < kvHeads; head++) {
              const block = head * ringBlocks + slot;
              for (let i = 0; i < K; i++) keys[(block * K + i) * BLOCK + (row % BLOCK)] = Number.NaN;
              values.fill(
                Number.NaN,
                (block * BLOCK + (row % BLOCK)) * V,
                (block * BLOCK + (row % BLOCK) + 1) * V,
              );
            }
          }
        };
        expectSameBits(
          causal(shape, rows, { backend, cuts: [64], meddle }).o,
          clean.o,
          JSON.stringify(shape),
        );
      }
    },
  );

  it.each(['wasm', 'typescript'] as const)('does not let a NaN change an earlier row (%s)', (backend) => {
    for (const shape of SHAPES) {
      const rows = rowsFor(shape, 128, 9);
      const clean = causal(shape, rows, { backend }).o;
      for (const bad of [1, 66, 127]) {
        const dirty = Object.fromEntries(
          ROWS.map((role) => [role, rows[role].slice().fill(Number.NaN, (bad * rows[role].length) / 128)]),
        ) as Rows;
        const earlier = bad * shape.heads * shape.valueDim;
        const got = causal(shape, dirty, { backend }).o;
        expectSameBits(got.slice(0, earlier), clean.slice(0, earlier), `before row ${bad}`);
      }
    }
  });
});

describe('ringPosition', () => {
  it('stays small and keeps a row in its slot, for as many rows as a float64 counts', () => {
    for (const shape of SHAPES) {
      const { ringBlocks, sinkBlocks } = shape;
      const slot = (position: number) => {
        const block = Math.floor(position / BLOCK);
        return block < sinkBlocks ? block : sinkBlocks + ((block - sinkBlocks) % (ringBlocks - sinkBlocks));
      };
      for (const rows of [0, 1, 63, 64, 1000, 12_345, 2 ** 31 + 17, 2 ** 45 + 333]) {
        const position = ringPosition(rows, shape);
        expect(position).toBeLessThan(2 ** 20);
        expect(slot(position)).toBe(slot(rows));
        expect(position % BLOCK).toBe(rows % BLOCK);
      }
    }
  });
});

const crossTypes = (shape: Shape, N: number) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R } = shape;
  return {
    queries: f32(H, N, K + R),
    keys: f32(kvHeads, K, BLOCK),
    values: f32(kvHeads, BLOCK, V),
    phi: f32(H, R, BLOCK),
    k: f32(BLOCK, kvHeads, K),
    v: f32(BLOCK, kvHeads, V),
    phiK: f32(BLOCK, H, R),
    m: f32(N, H),
    l: f32(N, H),
    o: f32(N, H, V),
    m2: f32(N, H),
    l2: f32(N, H),
    o2: f32(N, H, V),
    scratch: f32(TILE_ROWS, BLOCK),
    shape: i32(12),
  };
};

/** Three blocks of keys, the last one short, taken in, merged with themselves and settled. */
function crossed(shape: Shape, N: number, backend: Backend, last?: keyof ReturnType<typeof crossTypes>) {
  const {
    kernels,
    arrays: a,
    untouched,
  } = guardedViews(attentionKernels, crossTypes(shape, N), backend, last);
  const random = uniform(11);
  const draw = (x: Float32Array) => drawn(x, () => 4 * random() - 2);
  a.shape.set(packShape(shape));
  draw(a.queries);
  a.m.fill(Number.NEGATIVE_INFINITY);
  a.l.fill(0);
  a.o.fill(0);
  let kept = 0;
  for (const count of [64, 64, 13]) {
    for (const rows of [a.k, a.v, a.phiK]) draw(rows);
    const half = Math.floor(count / 2);
    const from = (x: Float32Array, row: number) => x.subarray((row * x.length) / BLOCK);
    for (const [first, rows] of [
      [0, half],
      [half, count - half],
    ] as const) {
      const inputs = [from(a.k, first), from(a.v, first), from(a.phiK, first)] as const;
      kernels.keepBlockKeys(a.keys, a.values, a.phi, ...inputs, a.shape, first, rows);
    }
    const tiles = tilesOf(shape.heads, N);
    const state = [a.queries, a.keys, a.values, a.phi, a.m, a.l, a.o] as const;
    for (const [start, end] of [
      [1, tiles],
      [0, 1],
    ] as const) {
      kept += kernels.attendBlocks(...state, a.scratch, a.shape, N, count, start, end);
    }
    if (count === 13) break;
    a.m2.set(a.m);
    a.l2.set(a.l);
    a.o2.set(a.o);
  }
  const rows = N * shape.heads;
  kernels.mergeSoftmax(a.m, a.l, a.o, a.m2, a.l2, a.o2, rows, shape.valueDim);
  kernels.settleSoftmax(a.m, a.l, a.o, rows, shape.valueDim);
  const results = Float32Array.from([a.m, a.l, a.o].flatMap((x) => Array.from(x)));
  return { results, kept, untouched: untouched() };
}

describe('attendBlocks, mergeSoftmax and settleSoftmax', () => {
  it('have twins in TypeScript with the same bits, and stay inside of their arrays', () => {
    for (const shape of SHAPES.map((one) => ({ ...one, ringBlocks: 1, decays: 0 }))) {
      for (const N of [1, 4, 6]) {
        const wasm = crossed(shape, N, 'wasm');
        const twin = crossed(shape, N, 'typescript');
        expectSameBits(twin.results, wasm.results, JSON.stringify(shape));
        expect(twin.kept).toBe(wasm.kept);
        expect([twin.untouched, wasm.untouched]).toEqual([true, true]);
        for (const last of Object.keys(crossTypes(shape, N)) as (keyof ReturnType<typeof crossTypes>)[]) {
          expectSameBits(crossed(shape, N, 'wasm', last).results, wasm.results, `${last} at the end`);
        }
      }
    }
  });
});

describe('attendUnits and mergeUnits', () => {
  it('have twins in TypeScript with the same bits, whichever units a call takes', () => {
    for (const one of SHAPES) {
      const shape = { ...one, ringBlocks: 1, decays: 0 };
      const { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R } = shape;
      const units = [0, 0, 64, 0, 64, 67, 1, 131, 0, 2, 131, 1, 2, 132, 17];
      const U = units.length / UNIT_NUMBERS;
      const keys = 132 + 17;
      const types = {
        q: f32(3, H, K),
        k: f32(keys, kvHeads, K),
        v: f32(keys, kvHeads, V),
        phiQ: f32(3, H, R),
        phiK: f32(keys, H, R),
        m: f32(U, H),
        l: f32(U, H),
        o: f32(U, H, V),
        mAll: f32(H),
        lAll: f32(H),
        oAll: f32(H, V),
        scratch: f32(4, BLOCK),
        shape: i32(12),
        units: i32(U, UNIT_NUMBERS),
      };
      const results = (backend: Backend, step: number, last: keyof typeof types = 'units') => {
        const { kernels, arrays: a, untouched } = guardedViews(attentionKernels, types, backend, last);
        const random = uniform(3);
        for (const rows of [a.q, a.k, a.v, a.phiQ, a.phiK]) drawn(rows, () => 2 * random() - 1);
        a.shape.set(packShape(shape));
        a.units.set(units);
        const inputs = [a.q, a.k, a.v, a.phiQ, a.phiK, a.m, a.l, a.o, a.scratch, a.shape, a.units] as const;
        for (let from = 0; from < U; from += step) {
          const to = Math.min(U, from + step);
          expect(kernels.attendUnits(...inputs, from, to)).toBe(to - from);
        }
        a.mAll.fill(Number.NEGATIVE_INFINITY);
        a.lAll.fill(0);
        a.oAll.fill(0);
        kernels.mergeUnits(a.mAll, a.lAll, a.oAll, a.m, a.l, a.o, U, H, V);
        expect(untouched()).toBe(true);
        return Float32Array.from([a.m, a.l, a.o, a.mAll, a.lAll, a.oAll].flatMap((x) => Array.from(x)));
      };
      const expected = results('wasm', U);
      expectSameBits(results('typescript', U), expected, JSON.stringify(shape));
      expectSameBits(results('wasm', 2), expected, 'two at a time');
      for (const last of ['q', 'k', 'v', 'phiK', 'o'] as const) {
        expectSameBits(results('wasm', U, last), expected, `${last} where memory ends`);
      }
    }
  });

  it('stop at a unit with a number that is not finite', () => {
    const shape = shapeOf({ heads: 1, keyDim: 3, valueDim: 2, ringBlocks: 1 });
    const types = { q: f32(3), k: f32(9, 3), v: f32(9, 2), m: f32(3), l: f32(3), o: f32(3, 2) };
    const more = { scratch: f32(4, BLOCK), shape: i32(12), units: i32(3, UNIT_NUMBERS) };
    for (const backend of ['wasm', 'typescript'] as const) {
      for (const role of ['k', 'v'] as const) {
        const { kernels, arrays: a } = guardedViews(
          attentionKernels,
          { ...types, ...more },
          backend,
          undefined,
        );
        a.shape.set(packShape(shape));
        for (const x of [a.q, a.k, a.v]) x.fill(1);
        a.units.set([0, 0, 3, 0, 3, 3, 0, 6, 3]);
        a[role][a[role].length - 1] = Number.NEGATIVE_INFINITY;
        const inputs = [a.q, a.k, a.v, a.q, a.k, a.m, a.l, a.o, a.scratch, a.shape, a.units] as const;
        expect(kernels.attendUnits(...inputs, 0, 3)).toBe(2);
      }
    }
  });
});

describe('softmaxSegments and scaleSegments', () => {
  it('take e^x to within 1 ULP wherever it is not negligible, and have the bits of their twin', () => {
    const n = 20_000;
    const types = { x: f32(n), p: f32(n), maximum: f32(1), sum: f32(1) };
    const powers = (backend: Backend) => {
      const { kernels, arrays: a } = guardedViews(softmaxKernels, types, backend, 'p');
      drawn(a.x, (i) => -75 * (i / n));
      kernels.softmaxSegments(a.x, a.p, a.maximum, a.sum, 1, n);
      return { x: a.x.slice(), p: a.p.slice() };
    };
    const { x, p } = powers('wasm');
    expectSameBits(powers('typescript').p, p, 'twin');
    p.forEach((power, i) => {
      const exact = Math.exp(x[i]!);
      if (exact < 1e-30) expect(power).toBe(0);
      else expect(Math.abs(power / exact - 1)).toBeLessThan(2 ** -23);
    });
  });

  it('have twins in TypeScript with the same bits, and stay inside of their arrays', () => {
    for (const [rows, n] of [
      [1, 1],
      [3, 5],
      [2, 16],
      [4, 63],
      [2, 1000],
    ] as const) {
      const types = { x: f32(rows, n), p: f32(rows, n), maximum: f32(rows), sum: f32(rows) };
      const results = (backend: Backend, last: keyof typeof types) => {
        const { kernels, arrays: a, untouched } = guardedViews(softmaxKernels, types, backend, last);
        const random = uniform(n);
        drawn(a.x, (i) => (i % 7 === 3 ? Number.NEGATIVE_INFINITY : 200 * random() - 100));
        kernels.softmaxSegments(a.x, a.p, a.maximum, a.sum, rows, n);
        kernels.scaleSegments(a.p, a.sum, rows, n);
        expect(untouched()).toBe(true);
        return Float32Array.from([a.p, a.maximum, a.sum].flatMap((x) => Array.from(x)));
      };
      const expected = results('wasm', 'x');
      for (const last of ['x', 'p', 'maximum', 'sum'] as const) {
        expectSameBits(results('wasm', last), expected, `${last} at the end`);
        expectSameBits(results('typescript', last), expected, 'twin');
      }
    }
  });
});
