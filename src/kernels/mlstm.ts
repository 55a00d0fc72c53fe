/**
 * Matrix memories whose gates the rows bring along (mLSTM):
 *
 *   S_t = F_t S_(t-1) + I_t k_t v_t^T      n_t = F_t n_(t-1) + I_t k_t
 *   o_t = scale q_t^T S_t / (max(|scale q_t^T n_t|, least_t) + epsilon)
 *
 * The twins of `mlstm.c`, row by row in the same order of operations: the bits are equal. Gates, n and the divisor are
 * float64: a divisor may come close to 0 by cancellation, and a rounding of 1e-7 in a gate would show as many times
 * that in the output. The wide sums are float32.
 *
 * Shapes, the same for all: S [H, K, V] as of the start of the open chunk, which began at the last row position
 * divisible by C (16 or 32); keys [H, K, C] and values [H, C, V], the open chunk's rows, the keys transposed;
 * weights [H, C], what each of these rows counts at the newest row (0 at the start), and carry [H], what S does (1 at
 * the start); n [H, K] and the running maximum m [H] as of the newest row; logDecay [H], the sum of all log F;
 * q, k [T, H K], v, o [T, H V] and i, f [T, H] packed rows; scratch of `mlstmScratch` floats, gates of `mlstmGates`
 * doubles. `position` counts the rows before this call, modulo 256: the caller advances it.
 */
import { type Chunk, chunkOfHead, decayKeys, foldKey, keepRow, outputRow, scoreRow } from './chunk.js';
import { defineKernels } from './kernel.js';
import { exp64, firstAbove, firstNonFinite, logSigmoid64, sigmoid64 } from './math.js';
import { flushNegligible, NEGLIGIBLE } from './negligible.js';
import { wasm } from './wasm/mlstm.js';

const { fround } = Math;

/** Smaller divisors count as this, so that 0 / 0 is 0. */
const LEAST_DIVISOR = 1e-38;

/** Floats of scratch for the weights and scores of one chunk's rows. */
export const mlstmScratch = (C: number): number => 2 * C * C + C;
/** Doubles of scratch for the gates of one chunk's rows. */
export const mlstmGates = (C: number): number => 3 * C;

/**
 * Appends T rows and writes their outputs o, with exponential input gates. All is kept relative to
 * m_t = max(log sigmoid(f_t) + m_(t-1), i_t), so that no factor exceeds 1; least_t = e^-m_t.
 */
export function mlstm(
  S: Float32Array,
  n: Float64Array,
  m: Float64Array,
  logDecay: Float64Array,
  keys: Float32Array,
  values: Float32Array,
  weights: Float64Array,
  carry: Float64Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  i: Float64Array,
  f: Float64Array,
  o: Float32Array,
  scratch: Float32Array,
  _gates: Float64Array,
  T: number,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
  scale: number,
  epsilon: number,
): void {
  const rows = { q, k, v, i, f, o, T, H };
  for (let h = 0; h < H; h++) {
    const gates = { weights: ofHead(h, weights, C), carry: ofHead(h, carry, 1) };
    const chunk = chunkOfHead(h, S, keys, values, K, V, C);
    const head = { ...gates, chunk, n: ofHead(h, n, K), logDecay: ofHead(h, logDecay, 1) };
    runHead({ ...head, m: ofHead(h, m, 1) }, rows, h, scratch, position, scale, epsilon);
  }
}

/** The same with I_t = sigmoid(i_t), and o_t = scale q_t^T S_t. */
export function sigmoidMlstm(
  S: Float32Array,
  logDecay: Float64Array,
  keys: Float32Array,
  values: Float32Array,
  weights: Float64Array,
  carry: Float64Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  i: Float64Array,
  f: Float64Array,
  o: Float32Array,
  scratch: Float32Array,
  _gates: Float64Array,
  T: number,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
  scale: number,
): void {
  const rows = { q, k, v, i, f, o, T, H };
  for (let h = 0; h < H; h++) {
    const gates = { weights: ofHead(h, weights, C), carry: ofHead(h, carry, 1) };
    const chunk = chunkOfHead(h, S, keys, values, K, V, C);
    const head = { ...gates, chunk, logDecay: ofHead(h, logDecay, 1) };
    runHead(head, rows, h, scratch, position, scale, 0);
  }
}

/** The same with outputs divided as in `mlstm`; least_t = 1. */
export function normalizedSigmoidMlstm(
  S: Float32Array,
  n: Float64Array,
  logDecay: Float64Array,
  keys: Float32Array,
  values: Float32Array,
  weights: Float64Array,
  carry: Float64Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  i: Float64Array,
  f: Float64Array,
  o: Float32Array,
  scratch: Float32Array,
  _gates: Float64Array,
  T: number,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
  scale: number,
  epsilon: number,
): void {
  const rows = { q, k, v, i, f, o, T, H };
  for (let h = 0; h < H; h++) {
    const gates = { weights: ofHead(h, weights, C), carry: ofHead(h, carry, 1) };
    const chunk = chunkOfHead(h, S, keys, values, K, V, C);
    const head = { ...gates, chunk, n: ofHead(h, n, K), logDecay: ofHead(h, logDecay, 1) };
    runHead(head, rows, h, scratch, position, scale, epsilon);
  }
}

/** Folds the open rows in: S is then the matrix after the last row. It ends the stream: the keys are spent by it. */
export function settleMlstm(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  weights: Float64Array,
  carry: Float64Array,
  scratch: Float32Array,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
): void {
  const count = position % C;
  for (let h = 0; h < H && count > 0; h++) {
    const chunk = chunkOfHead(h, S, keys, values, K, V, C);
    fold(chunk, ofHead(h, weights, C), ofHead(h, carry, 1), scratch, count);
  }
}

export const mlstmKernels = defineKernels('mlstm', wasm, {
  firstNonFinite,
  firstAbove,
  mlstm,
  sigmoidMlstm,
  normalizedSigmoidMlstm,
  settleMlstm,
});

/** One head's state; without m the input gate is a sigmoid, without n nothing is divided. */
interface Head {
  readonly chunk: Chunk;
  readonly n?: Float64Array;
  readonly m?: Float64Array;
  readonly logDecay: Float64Array;
  readonly weights: Float64Array;
  readonly carry: Float64Array;
}

interface Rows {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly i: Float64Array;
  readonly f: Float64Array;
  readonly o: Float32Array;
  readonly T: number;
  readonly H: number;
}

/** What the memory fades by, what the row counts, and the least that its output is divided by. */
interface Gates {
  readonly fade: number;
  readonly write: number;
  readonly least: number;
}

const ofHead = (h: number, x: Float64Array, doubles: number) => x.subarray(h * doubles, (h + 1) * doubles);
const withoutNegligible = (x: number) => (Math.abs(x) < NEGLIGIBLE ? 0 : x);

function runHead(
  head: Head,
  rows: Rows,
  h: number,
  scratch: Float32Array,
  position: number,
  scale: number,
  epsilon: number,
): void {
  const { chunk, n, m, logDecay, weights, carry } = head;
  const { q, k, v, i, f, o, T, H } = rows;
  const { K, V, C } = chunk;
  const narrowScale = fround(scale);
  for (let t = 0; t < T; t++) {
    const row = (position + t) % C;
    const gateRow = t * H + h;
    const keyRow = gateRow * K;
    const valueRow = gateRow * V;
    const { fade, write, least } = gatesOf(i[gateRow]!, f[gateRow]!, m, logDecay);
    keepRow(chunk, row, k, keyRow, v, valueRow);
    for (let j = 0; j < row; j++) weights[j] = withoutNegligible(weights[j]! * fade);
    weights[row] = withoutNegligible(write);
    carry[0] = withoutNegligible(carry[0]! * fade);
    scoreRow(chunk, row + 1, q, keyRow, scratch);
    for (let j = 0; j <= row; j++) scratch[j] = scratch[j]! * fround(fround(weights[j]!) * narrowScale);
    outputRow(chunk, row, q, keyRow, fround(fround(carry[0]!) * narrowScale), scratch, o, valueRow);
    if (n !== undefined) {
      const weight = Math.abs(addKey(n, fade, write, q, k, keyRow) * scale);
      const divisor = Math.max(Math.max(weight, least) + epsilon, LEAST_DIVISOR);
      const factor = fround(1 / divisor);
      for (let j = 0; j < V; j++) o[valueRow + j] = o[valueRow + j]! * factor;
    }
    if (row < C - 1) continue;
    fold(chunk, weights, carry, scratch, C);
    if (n !== undefined) flushNegligible(n, K);
  }
}

/** The gates of a row; moves the running maximum (where there is one) and the sum of log F. */
function gatesOf(i: number, f: number, m: Float64Array | undefined, logDecay: Float64Array): Gates {
  const logFade = logSigmoid64(f);
  logDecay[0]! += logFade;
  if (m === undefined) return { fade: sigmoid64(f), write: sigmoid64(i), least: 1 };
  const faded = m[0]! + logFade;
  m[0] = Math.max(faded, i);
  const smaller = exp64(-Math.abs(faded - i));
  const least = exp64(-m[0]);
  return faded < i ? { fade: smaller, write: 1, least } : { fade: 1, write: smaller, least };
}

/** n = fade n + write k; gives q . n, in four sums. */
function addKey(
  n: Float64Array,
  fade: number,
  write: number,
  q: Float32Array,
  k: Float32Array,
  row: number,
): number {
  const sums: [number, number, number, number] = [0, 0, 0, 0];
  for (let key = 0; key < n.length; key++) {
    n[key] = n[key]! * fade + k[row + key]! * write;
    sums[key & 3]! += q[row + key]! * n[key]!;
  }
  return sums[0] + sums[1] + (sums[2] + sums[3]);
}

/** Folds the chunk's first `count` rows into S, their keys weighted in place; the next chunk begins. */
function fold(
  chunk: Chunk,
  weights: Float64Array,
  carry: Float64Array,
  scratch: Float32Array,
  count: number,
): void {
  scratch.set(weights);
  decayKeys(chunk, scratch);
  for (let key = 0; key < chunk.K; key++) foldKey(chunk, key, count, fround(carry[0]!));
  weights.fill(0);
  carry[0] = 1;
}
