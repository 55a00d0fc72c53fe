/**
 * Decode attention: each row's query attends to keys and values of that row alone, of any number.
 *
 *   o_t = sum over j of e^(s_j) v_tj / sum over j of e^(s_j),  s_j = scale q_t . k_tj + bias_j      lse = log of the sum
 *
 * The keys of all rows are cut into units of 64 at fixed places, and units are dealt out to threads whatever rows they
 * belong to (stream-K). Each gives a partial (m, l, o); those of a row are merged in their order, so that the result is
 * the same to the last bit for any number of threads.
 *
 * In      q  FixedSizeList<Float32>[H*K]   k  List<FixedSizeList<Float32>[Hkv*K]>   v  List<…[Hkv*V]>, as many as keys
 * Out     o  FixedSizeList<Float32>[H*V]   lse  [H]   one row per input row, same order
 * State   none
 * Cost    O(keys H (K + V)) per batch
 * Error   exact attention; vs naive (f64): relative RMSE <= 2e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs a row without keys gives o = 0 and lse = -Infinity, not NaN
 * Source  Osama et al., Stream-K, 2023, arXiv:2301.03598; Dao et al., Flash-Decoding, 2023; Ye et al., FlashInfer, 2025,
 *         arXiv:2501.01005
 */
import { defineOperator, type StepContext } from '../../src/define-operator.js';
import { corruptInput } from '../../src/errors.js';
import { attentionKernels, unitScratch } from '../../src/kernels/attention.js';
import { BLOCK_KEYS } from '../../src/kernels/attention-block.js';
import { checkedByStep, f32, i32, type Views } from '../../src/layout.js';
import { integer } from '../../src/options.js';
import { list, type Varying } from '../../src/row-types.js';
import { fillFactors } from './bias.js';
import {
  type Attention,
  type AttentionOptions,
  attentionOptions,
  checkAttention,
  overflow,
  packedShape,
  rankOf,
  shapeOf,
} from './heads.js';

export type DecodeAttentionOptions = AttentionOptions;

/** Units that are copied into the arena and shared out at a time: about four megabytes of keys and values. */
function unitsTogether(options: Attention): number {
  const { kvHeads, keyDim: K, valueDim: V, threads } = options;
  const unitFloats = BLOCK_KEYS * kvHeads * (K + V);
  return Math.max(threads, Math.min(256, Math.floor(2 ** 20 / unitFloats)));
}

const scratch = (options: Attention) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, threads } = options;
  const [U, R] = [unitsTogether(options), rankOf(options)];
  return {
    q: f32(U, H, K),
    k: f32(U, BLOCK_KEYS, kvHeads, K),
    v: f32(U, BLOCK_KEYS, kvHeads, V),
    phiQ: f32(U, H, R),
    phiK: f32(U, BLOCK_KEYS, H, R),
    counts: i32(U),
    m: f32(U, H),
    l: f32(U, H),
    o: f32(U, H, V),
    /** What a row's units so far come to. */
    mRow: f32(H),
    lRow: f32(H),
    oRow: f32(H, V),
    own: f32(threads, unitScratch(shapeOf(options))),
  };
};

const constants = (options: Attention) => ({ shape: packedShape(options) });

type Context = StepContext<
  Attention,
  unknown,
  ReturnType<typeof constants>,
  Views<ReturnType<typeof scratch>>,
  (typeof attentionKernels)['twins']
>;

/** A run of a row's keys that fills units from the first one on. */
interface Run {
  readonly row: number;
  /** Its first unit among those together, and how many. */
  readonly unit: number;
  readonly units: number;
  readonly startsRow: boolean;
  readonly endsRow: boolean;
}

interface Rows {
  readonly q: Float32Array;
  readonly k: Varying;
  readonly v: Varying;
}

const NAME = 'decodeAttention';

export const decodeAttention = defineOperator({
  name: NAME,
  version: 1,
  summary: "each row's query attends to keys and values of that row alone, of any number",
  kernels: attentionKernels,
  passing: 'columns',
  options: { ...attentionOptions, threads: 'threads that share the keys, 1 … 64 (default 1)' },
  check: (options: DecodeAttentionOptions) => checkAttention(options),
  inputs: ({ heads: H, kvHeads, keyDim: K, valueDim: V }) => ({
    q: f32(H * K),
    k: list(checkedByStep(f32(kvHeads * K))),
    v: list(checkedByStep(f32(kvHeads * V))),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V), lse: f32(H) }),
  constants,
  scratch,
  threads: ({ threads }) => threads,
  step(context, { numRows: T, q, k, v, o, lse }) {
    const most = unitsTogether(context.options);
    let runs: Run[] = [];
    let units = 0;
    let dealt = 0;
    const finish = () => {
      attend(context, units, dealt);
      for (const run of runs) mergeRun(context, run, o, lse);
      runs = [];
      dealt += units;
      units = 0;
    };
    for (let row = 0; row < T; row++) {
      const keys = keysOf({ q, k, v }, row);
      for (let at = 0; at === 0 || at < keys; ) {
        if (units === most) finish();
        const count = Math.min(keys - at, (most - units) * BLOCK_KEYS);
        const run = copyRun(context, { q, k, v }, row, at, count, units);
        runs.push({ ...run, startsRow: at === 0, endsRow: at + count === keys });
        units += run.units;
        at += Math.max(count, 1);
      }
    }
    finish();
  },
  tolerance: 2e-6,
  examples: [
    { heads: 2, keyDim: 5, valueDim: 6 },
    { heads: 8, kvHeads: 2, keyDim: 4, valueDim: 9, threads: 2, rescale: { threshold: 2 } },
  ],
});

/** How many keys a row has, and values. */
function keysOf({ k, v }: Rows, row: number): number {
  const keys = k.offsets[row + 1]! - k.offsets[row]!;
  const values = v.offsets[row + 1]! - v.offsets[row]!;
  if (keys === values) return keys;
  throw corruptInput(NAME, `list v in row ${row}`, `${keys} values, one for each key`, `${values}`, {
    row,
    column: 'v',
  });
}

/** Copies `count` keys of a row, from its key `at` on, into units from `unit` on. */
function copyRun(
  context: Context,
  { q, k, v }: Rows,
  row: number,
  at: number,
  count: number,
  unit: number,
): Pick<Run, 'row' | 'unit' | 'units'> {
  const { options, scratch } = context;
  const { heads: H, kvHeads, keyDim, valueDim, bias } = options;
  const R = rankOf(options);
  const units = Math.ceil(count / BLOCK_KEYS);
  const copy = (role: 'k' | 'v', { offsets, values }: Varying, width: number) => {
    const first = offsets[row]! + at;
    const target = scratch[role].subarray(unit * BLOCK_KEYS * width);
    target.set((values as Float32Array).subarray(first * width, (first + count) * width));
  };
  copy('k', k, kvHeads * keyDim);
  copy('v', v, kvHeads * valueDim);
  const last = k.offsets[row + 1]! - k.offsets[row]! - 1;
  const query = q.subarray(row * H * keyDim, (row + 1) * H * keyDim);
  for (let i = unit; i < unit + units; i++) {
    scratch.q.set(query, i * query.length);
    scratch.counts[i] = Math.min(BLOCK_KEYS, count - (i - unit) * BLOCK_KEYS);
    fillFactors('phiQ', bias, H, last, 1, scratch.phiQ.subarray(i * H * R));
  }
  fillFactors('phiK', bias, H, at, count, scratch.phiK.subarray(unit * BLOCK_KEYS * H * R));
  return { row, unit, units };
}

/** The partial results of all units that are together, of which the first is number `dealt` of the batch. */
function attend(context: Context, units: number, dealt: number): void {
  if (units === 0) return;
  const { options, scratch, constants, together } = context;
  const { shape } = constants;
  const { q, k, v, phiQ, phiK, m, l, o, own, counts } = scratch;
  const { threads } = options;
  const floats = own.length / threads;
  const shares = Array.from({ length: threads }, (_, thread) => {
    const mine = own.subarray(thread * floats);
    const first = firstOf(thread, dealt, threads);
    return [q, k, v, phiQ, phiK, m, l, o, mine, shape, counts, units, first, threads] as const;
  });
  const taken = together('attendUnits', shares).reduce((sum, own) => sum + own, 0);
  if (taken === units) return;
  context.check('k');
  context.check('v');
}

/** The first of the units behind number `dealt` that a thread gets: they go round. */
const firstOf = (thread: number, dealt: number, threads: number) =>
  (thread + threads - (dealt % threads)) % threads;

/** Merges a run's units into what the row's came to before, in their order; writes the output behind its last. */
function mergeRun(
  { options, scratch, kernels }: Context,
  run: Run,
  o: Float32Array,
  lse: Float32Array,
): void {
  const { heads: H, valueDim: V } = options;
  const { mRow, lRow, oRow } = scratch;
  if (run.startsRow) {
    mRow.fill(-Infinity);
    lRow.fill(0);
    oRow.fill(0);
  }
  for (let unit = run.unit; unit < run.unit + run.units; unit++) {
    const m = scratch.m.subarray(unit * H);
    const l = scratch.l.subarray(unit * H);
    kernels.mergeSoftmax(mRow, lRow, oRow, m, l, scratch.o.subarray(unit * H * V), H, V);
  }
  if (!run.endsRow) return;
  kernels.settleSoftmax(mRow, lRow, oRow, H, V);
  if (kernels.firstNonFinite(oRow, H * V) >= 0) throw overflow(NAME);
  o.set(oRow, run.row * H * V);
  lse.set(mRow, run.row * H);
}

/**
 * How many tiles of 64 keys each thread attends to in a batch whose rows have so many keys: the division that the
 * operator makes. They go round, so the numbers differ by one at most.
 */
export function tilesOfThreads(lengths: ArrayLike<number>, threads: number): number[] {
  const counts = new Array<number>(integer({ threads }, 1, 64)).fill(0);
  let dealt = 0;
  for (let row = 0; row < lengths.length; row++) {
    const tiles = Math.ceil(lengths[row]! / BLOCK_KEYS);
    counts.forEach((_, thread) => {
      counts[thread]! += Math.ceil(Math.max(0, tiles - firstOf(thread, dealt, threads)) / threads);
    });
    dealt += tiles;
  }
  return counts;
}
