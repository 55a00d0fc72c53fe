/**
 * Decode attention: each row's query attends to keys and values of that row alone, of any number.
 *
 *   o_t = sum over j of e^(s_j) v_tj / sum over j of e^(s_j),  s_j = scale q_t . k_tj + bias_j      lse = log of the sum
 *
 * The keys of all rows are cut into units of 256 at fixed places, and a unit is taken by whichever thread is free, whatever
 * row it belongs to (stream-K). Each gives a partial (m, l, o); those of a row are merged in their order, so that the
 * result is the same to the last bit for any number of threads.
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
import { attentionKernels } from '../../src/kernels/attention.js';
import { BLOCK_KEYS, TILE_ROWS } from '../../src/kernels/attention-block.js';
import { UNIT_NUMBERS } from '../../src/kernels/decode-attention.js';
import { checkedByStep, f32, i32, type Views } from '../../src/layout.js';
import { integer } from '../../src/options.js';
import { list, type Varying } from '../../src/row-types.js';
import { fillFactors } from './bias.js';
import {
  type Attention,
  type AttentionOptions,
  attentionOptions,
  checkAttention,
  evenShares,
  mostShares,
  overflow,
  packedShape,
  rankOf,
} from './heads.js';

export type DecodeAttentionOptions = AttentionOptions;

/** Keys of a unit, at most. */
const UNIT_KEYS = 256;

/**
 * How much is copied into the arena and shared out at a time: with one thread, what stays in the second level cache.
 * There are two of each, one being filled while threads work on the other.
 */
function roomOf({ heads, kvHeads, keyDim: K, valueDim: V, threads }: Attention) {
  const floats = threads === 1 ? 2 ** 16 : 2 ** 20;
  const units = Math.min(256, Math.floor(2 ** 20 / (heads * (K + V))));
  return {
    keys: Math.max(UNIT_KEYS, Math.min(64 * UNIT_KEYS, Math.floor(floats / (kvHeads * (K + V))))),
    units: Math.max(mostShares(threads), units),
  };
}

const scratch = (options: Attention) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, threads } = options;
  const [room, R] = [roomOf(options), rankOf(options)];
  return {
    q: f32(2, room.units, H, K),
    k: f32(2, room.keys, kvHeads, K),
    v: f32(2, room.keys, kvHeads, V),
    phiQ: f32(2, room.units, H, R),
    phiK: f32(2, room.keys, H, R),
    units: i32(2, room.units, UNIT_NUMBERS),
    m: f32(room.units, H),
    l: f32(room.units, H),
    o: f32(room.units, H, V),
    /** What a row's units so far come to. */
    mRow: f32(H),
    lRow: f32(H),
    oRow: f32(H, V),
    scores: f32(mostShares(threads), TILE_ROWS, BLOCK_KEYS),
  };
};

const constants = (options: Attention) => ({ shape: packedShape(options) });

type Scratch = Views<ReturnType<typeof scratch>>;
type Context = StepContext<
  Attention,
  unknown,
  ReturnType<typeof constants>,
  Scratch,
  (typeof attentionKernels)['twins']
>;

/** What a round has of a row: keys from the row's key `at` on, which are the round's from `first` on, in so many units. */
interface Run {
  readonly row: number;
  readonly at: number;
  readonly first: number;
  readonly unit: number;
  units: number;
  keys: number;
  endsRow: boolean;
}

/** A key of a row: where a round begins. */
interface Place {
  readonly row: number;
  readonly at: number;
}

/** Units that are worked on together: their runs, their keys, and where the next round begins. */
interface Round {
  readonly start: Place;
  readonly runs: readonly Run[];
  readonly units: number;
  readonly keys: number;
  readonly end: Place;
  /** Its half of the scratch. */
  readonly half: Pick<Scratch, 'q' | 'k' | 'v' | 'phiQ' | 'phiK' | 'units'>;
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
    const halves = [0, 1].map((half) => halfOf(context.scratch, half));
    const prepare = (start: Place, number: number) => {
      if (start.row === T) return undefined;
      const round = planRound(context, { q, k, v }, start, T, halves[number % 2]!);
      copyRound(context, { q, k, v }, round);
      return round;
    };
    let round = prepare({ row: 0, at: 0 }, 0);
    for (let number = 1; round !== undefined; number++) {
      const { end, runs }: Round = round;
      let next: Round | undefined;
      attend(context, round, () => {
        next = prepare(end, number);
      });
      for (const run of runs) mergeRun(context, run, o, lse);
      round = next;
    }
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

/** A half of what there is two of. */
function halfOf(scratch: Scratch, half: number): Round['half'] {
  const of = <A extends Float32Array | Int32Array>(both: A) =>
    both.subarray((half * both.length) / 2, ((half + 1) * both.length) / 2) as A;
  const { q, k, v, phiQ, phiK, units } = scratch;
  return { q: of(q), k: of(k), v: of(v), phiQ: of(phiQ), phiK: of(phiK), units: of(units) };
}

/** Cuts keys into units from a place on, as many as there is room for, and writes down what they are. */
function planRound({ options }: Context, rows: Rows, start: Place, T: number, half: Round['half']): Round {
  const room = roomOf(options);
  const runs: Run[] = [];
  let [units, keys, row, at] = [0, 0, start.row, start.at];
  while (row < T && units < room.units) {
    const left = keysOf(rows, row) - at;
    const count = Math.min(UNIT_KEYS, left);
    if (keys + count > room.keys) break;
    if (runs.at(-1)?.row !== row) {
      runs.push({ row, at, first: keys, unit: units, units: 0, keys: 0, endsRow: false });
    }
    const run = runs.at(-1)!;
    half.units.set([row - start.row, keys, count], units * UNIT_NUMBERS);
    units++;
    run.units++;
    keys += count;
    run.keys += count;
    run.endsRow = count === left;
    [row, at] = run.endsRow ? [row + 1, 0] : [row, at + count];
  }
  return { start, runs, units, keys, end: { row, at }, half };
}

/** Copies a round's queries, keys and values, each of which lie one behind the other. */
function copyRound({ options }: Context, { q, k, v }: Rows, { start, runs, keys, half }: Round): void {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, bias } = options;
  const R = rankOf(options);
  half.q.set(q.subarray(start.row * H * K, (start.row + runs.length) * H * K));
  const copy = ({ offsets, values }: Varying, width: number, target: Float32Array) => {
    const first = (offsets[start.row]! + start.at) * width;
    target.set((values as Float32Array).subarray(first, first + keys * width));
  };
  copy(k, kvHeads * K, half.k);
  copy(v, kvHeads * V, half.v);
  if (bias === undefined) return;
  for (const { row, at, first, keys: count } of runs) {
    const last = k.offsets[row + 1]! - k.offsets[row]! - 1;
    fillFactors('phiQ', bias, H, last, 1, half.phiQ.subarray((row - start.row) * H * R));
    fillFactors('phiK', bias, H, at, count, half.phiK.subarray(first * H * R));
  }
}

/** The partial results of a round's units; `meanwhile` the next round is prepared. */
function attend(context: Context, { units, half }: Round, meanwhile: () => void): void {
  const { options, scratch, constants, together } = context;
  const { m, l, o, scores } = scratch;
  const { q, k, v, phiQ, phiK } = half;
  const shares = evenShares(units, options.threads).map(([from, to], i) => {
    const own = scores.subarray(i * TILE_ROWS * BLOCK_KEYS);
    return [q, k, v, phiQ, phiK, m, l, o, own, constants.shape, half.units, from, to] as const;
  });
  const taken = together('attendUnits', shares, meanwhile).reduce((sum, own) => sum + own, 0);
  if (taken === units) return;
  context.check('k');
  context.check('v');
}

/** Merges a run's units into what the row's came to before, in their order; writes the output behind its last. */
function mergeRun(
  { options, scratch, kernels }: Context,
  run: Run,
  o: Float32Array,
  lse: Float32Array,
): void {
  const { heads: H, valueDim: V } = options;
  const { mRow, lRow, oRow } = scratch;
  const { row, unit, units, endsRow } = run;
  if (run.at === 0) {
    mRow.fill(-Infinity);
    lRow.fill(0);
    oRow.fill(0);
  }
  const part = (x: Float32Array, floats: number) => x.subarray(unit * floats);
  const parts = [part(scratch.m, H), part(scratch.l, H), part(scratch.o, H * V)] as const;
  kernels.mergeUnits(mRow, lRow, oRow, ...parts, units, H, V);
  if (!endsRow) return;
  kernels.settleSoftmax(mRow, lRow, oRow, H, V);
  if (kernels.firstNonFinite(oRow, H * V) >= 0) throw overflow(NAME);
  o.set(oRow, row * H * V);
  lse.set(mRow, row * H);
}

/**
 * How many tiles of 64 keys each of equally fast threads attends to in a batch whose rows have so many keys: units of four
 * tiles at most, one after the other, go to the thread that is free first.
 */
export function tilesOfThreads(lengths: ArrayLike<number>, threads: number): number[] {
  const counts = new Array<number>(integer({ threads }, 1, 64)).fill(0);
  for (let row = 0; row < lengths.length; row++) {
    for (let at = 0; at < lengths[row]!; at += UNIT_KEYS) {
      const tiles = Math.ceil(Math.min(UNIT_KEYS, lengths[row]! - at) / BLOCK_KEYS);
      counts[counts.indexOf(Math.min(...counts))]! += tiles;
    }
  }
  return counts;
}
