/**
 * Delta rules: a memory that every row corrects towards its value.
 *
 *   S_t = D_t S_(t-1) + k_t u_t^T,  u_t = beta_t (v_t - (D_t S_(t-1))^T k_t),  o_t = scale S_t^T q_t
 *
 * The twins of `delta.c`, a row at a time in the same order of operations: the bits are equal. Their float32 sums are
 * rounded by the arrays they are kept in; `Math.fround` rounds the products on the way.
 *
 * Shapes, the same for all: S [H, K, V] after the last row, faded [H] how much of it has faded since it was last flushed; q, k, r, a, b [T, H K] and v, o [T, H V] packed rows;
 * beta [T, H]; g [T, H], or [T, H K] where every key dimension fades by itself; scratch of `deltaScratch` floats.
 * C rows pass over a part of the state together (16 or 32): that is a matter of speed alone. `position` counts the
 * rows before this call, modulo 256: the caller advances it.
 */
import { addScaled, floatsOfHead } from './chunk.js';
import { gateOf } from './gates.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite } from './math.js';
import { flushNegligible } from './negligible.js';
import { wasm } from './wasm/delta.js';

const { fround } = Math;

/** Floats of scratch: the decays and the decayed keys of C rows. */
export const deltaScratch = (C: number, K: number): number => 2 * C * K;

/** Corrects the memory by T rows, which nothing fades; writes their outputs o. */
export function deltaRule(
  S: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  beta: Float32Array,
  o: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  _C: number,
  position: number,
  scale: number,
): void {
  const seen = new Float32Array(V);
  const step: Step = (state, row) => {
    ask(seen, state, k, row * K, K, V);
    correct(seen, v, row * V, beta[row]!, V);
    add(state, k, row * K, seen, 0, K, V);
    read(o, row * V, state, q, row * K, K, V, scale);
    return 1;
  };
  eachRow(S, new Float32Array(H).fill(1), T, H, K, V, position, step);
}

/** The same with one decay a head: the memory fades by e^g before it is asked. */
export function gatedDeltaRule(
  S: Float32Array,
  faded: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  beta: Float32Array,
  g: Float32Array,
  o: Float32Array,
  _scratch: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  _C: number,
  position: number,
  scale: number,
): void {
  const seen = new Float32Array(V);
  const decays = new Float32Array(K);
  const step: Step = (state, row) => {
    decays.fill(gateOf(g[row]!));
    ask(seen, state, k, row * K, K, V);
    for (let i = 0; i < V; i++) seen[i]! *= decays[0]!;
    correct(seen, v, row * V, beta[row]!, V);
    fade(state, decays, K, V);
    add(state, k, row * K, seen, 0, K, V);
    read(o, row * V, state, q, row * K, K, V, scale);
    return fadingOf(decays);
  };
  eachRow(S, faded, T, H, K, V, position, step);
}

/** The same with one decay a key dimension. */
export function kimiDeltaAttention(
  S: Float32Array,
  faded: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  beta: Float32Array,
  g: Float32Array,
  o: Float32Array,
  _scratch: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  _C: number,
  position: number,
  scale: number,
): void {
  const seen = new Float32Array(V);
  const decays = new Float32Array(K);
  const decayed = new Float32Array(K);
  const step: Step = (state, row) => {
    for (let key = 0; key < K; key++) decays[key] = gateOf(g[row * K + key]!);
    for (let key = 0; key < K; key++) decayed[key] = k[row * K + key]! * decays[key]!;
    ask(seen, state, decayed, 0, K, V);
    correct(seen, v, row * V, beta[row]!, V);
    fade(state, decays, K, V);
    add(state, k, row * K, seen, 0, K, V);
    read(o, row * V, state, q, row * K, K, V, scale);
    return fadingOf(decays);
  };
  eachRow(S, faded, T, H, K, V, position, step);
}

/** S_t = diag(e^g) S_(t-1) + b (S_(t-1)^T a)^T + k v^T, o_t = scale S_t^T r. */
export function rwkv7(
  S: Float32Array,
  faded: Float32Array,
  r: Float32Array,
  k: Float32Array,
  v: Float32Array,
  g: Float32Array,
  a: Float32Array,
  b: Float32Array,
  o: Float32Array,
  _scratch: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  _C: number,
  position: number,
  scale: number,
): void {
  const seen = new Float32Array(V);
  const decays = new Float32Array(K);
  const step: Step = (state, row) => {
    for (let key = 0; key < K; key++) decays[key] = gateOf(g[row * K + key]!);
    ask(seen, state, a, row * K, K, V);
    fade(state, decays, K, V);
    add(state, b, row * K, seen, 0, K, V);
    add(state, k, row * K, v, row * V, K, V);
    read(o, row * V, state, r, row * K, K, V, scale);
    return fadingOf(decays);
  };
  eachRow(S, faded, T, H, K, V, position, step);
}

export const deltaKernels = defineKernels('delta', wasm, {
  firstNonFinite,
  firstAbove,
  deltaRule,
  gatedDeltaRule,
  kimiDeltaAttention,
  rwkv7,
});

/** A memory that has faded by this since it was last flushed is flushed: what was not negligible then is normal still. */
const FAINT = 2 ** -26;
/** It is flushed after so many rows in any case, counted from the start of the stream. */
const MOST_ROWS = 256;

/** Takes a row into a head's S, `row` counts vectors, t H + h; tells how strongly S has faded. */
type Step = (S: Float32Array, row: number) => number;

/** The strongest fading, but for decays of 0: they leave nothing that could be faint. */
const fadingOf = (decays: Float32Array): number =>
  decays.reduce((least, decay) => (decay > 0 && decay < least ? decay : least), 1);

/** Steps each head's S over its rows; what is negligible is flushed on the way. */
function eachRow(
  S: Float32Array,
  faded: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  position: number,
  step: Step,
): void {
  for (let h = 0; h < H; h++) {
    const state = floatsOfHead(h, S, K * V);
    for (let t = 0; t < T; t++) {
      faded[h]! *= step(state, t * H + h);
      const isFaint = faded[h]! < FAINT;
      if (isFaint || (position + t + 1) % MOST_ROWS === 0) flushNegligible(state, K * V);
      if (isFaint) faded[h] = 1;
    }
  }
}

/** seen = S^T x. */
function ask(seen: Float32Array, S: Float32Array, x: Float32Array, xRow: number, K: number, V: number): void {
  seen.fill(0);
  for (let key = 0; key < K; key++) addScaled(seen, 0, x[xRow + key]!, S, key * V, V);
}

/** seen = beta (v - seen): the correction. */
function correct(seen: Float32Array, v: Float32Array, vRow: number, beta: number, V: number): void {
  for (let i = 0; i < V; i++) seen[i] = fround(v[vRow + i]! - seen[i]!) * beta;
}

/** S = diag(decays) S. */
function fade(S: Float32Array, decays: Float32Array, K: number, V: number): void {
  for (let key = 0; key < K; key++) {
    for (let i = 0; i < V; i++) S[key * V + i] = S[key * V + i]! * decays[key]!;
  }
}

/** S += x y^T. */
function add(
  S: Float32Array,
  x: Float32Array,
  xRow: number,
  y: Float32Array,
  yRow: number,
  K: number,
  V: number,
): void {
  for (let key = 0; key < K; key++) addScaled(S, key * V, x[xRow + key]!, y, yRow, V);
}

/** o = scale S^T q. */
function read(
  o: Float32Array,
  oRow: number,
  S: Float32Array,
  q: Float32Array,
  qRow: number,
  K: number,
  V: number,
  scale: number,
): void {
  o.fill(0, oRow, oRow + V);
  for (let key = 0; key < K; key++) addScaled(o, oRow, q[qRow + key]!, S, key * V, V);
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! * fround(scale);
}
