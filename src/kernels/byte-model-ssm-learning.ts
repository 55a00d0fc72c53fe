/**
 * How the state space model learns: back-propagation through the last chunk, then RMSprop. Part of the twin of
 * `byte-model-ssm.h`.
 */
import { addScaled, dotProduct } from './byte-model-arithmetic.js';
import { STEP_WORDS } from './byte-model-memory.js';
import { type Parameter, rowAt, type Ssm } from './byte-model-ssm.js';
import { sigmoid32, sigmoidF32 } from './math.js';

const { fround, sqrt } = Math;

const MOMENT_KEPT = fround(0.99);
const MOMENT_ADDED = fround(0.01);
const MOMENT_LEAST = fround(1e-3);

/** a b, rounded. */
const times = (a: number, b: number): number => fround(a * b);

/** w += rate g / (sqrt(moment) + least), element by element; the gradient is used up. */
function descend({ value, gradient, moment }: Parameter, from: number, n: number, rate: number): void {
  for (let i = from; i < from + n; i++) {
    const g = gradient[i]!;
    const v = fround(times(MOMENT_KEPT, moment[i]!) + times(times(MOMENT_ADDED, g), g));
    moment[i] = v;
    value[i] = value[i]! + fround(times(rate, g) / fround(fround(sqrt(v)) + MOMENT_LEAST));
    gradient[i] = 0;
  }
}

/** The same for a row of a table, with one moment for all of it; the gradient is that of step t's input. */
function descendRow(s: Ssm, table: number, row: number, t: number, rate: number): void {
  const K = s.size.width1;
  const at = table * 2 ** s.size.rowBits + row;
  const square = dotProduct(s.inputGradient, t * K, s.inputGradient, t * K, K);
  const added = fround(times(MOMENT_ADDED, square) / K);
  const moment = fround(times(MOMENT_KEPT, s.rowMoments[at]!) + added);
  s.rowMoments[at] = moment;
  const factor = fround(rate / fround(fround(sqrt(moment)) + MOMENT_LEAST));
  addScaled(s.rows, rowAt(s, table, row), s.inputGradient, t * K, factor, K);
}

/** What flows back through the second layer of step t: into its features, and on into `later`, the state's gradient. */
function backLayer2(s: Ssm, t: number, later: Float32Array): void {
  const { width1: K, width2: V } = s.size;
  const row = t * s.features;
  const { feature: f, featureGradient: df, decay2Logit } = s;
  const mean = fround(dotProduct(df, row + K, f, row + K, V) / V);
  const forCandidate = new Float32Array(V);
  const forGate = new Float32Array(V);
  for (let j = 0; j < V; j++) {
    const b = s.decay2[j]!;
    const c = s.candidate[t * V + j]!;
    const open = s.openness[t * V + j]!;
    const centred = fround(df[row + K + j]! - times(f[row + K + j]!, mean));
    const d = fround(times(centred, s.scale[t * 4 + 1]!) + later[j]!);
    const change = fround(s.state2[t * V + j]! - times(c, open));
    decay2Logit.gradient[j] = decay2Logit.gradient[j]! + times(times(times(d, change), b), fround(1 - b));
    const dx = times(d, fround(1 - b));
    later[j] = d * b;
    forCandidate[j] = dx * open;
    forGate[j] = times(times(dx, c), open) * fround(1 - open);
  }
  const { value, gradient } = s.projection;
  for (let j = 0; j < V; j++) {
    const dc = forCandidate[j]!;
    const dg = forGate[j]!;
    for (let i = 0; i < K; i++) {
      const x = f[row + i]!;
      const p = j * K + i;
      const q = (V + j) * K + i;
      df[row + i] = df[row + i]! + fround(times(dc, value[p]!) + times(dg, value[q]!));
      gradient[p] = gradient[p]! + times(dc, x);
      gradient[q] = gradient[q]! + times(dg, x);
    }
  }
}

function backLayer1(s: Ssm, t: number, later: Float32Array): void {
  const K = s.size.width1;
  const byteRow = s.steps[(1 + t) * STEP_WORDS]! * K;
  const row = t * s.features;
  const { feature: f, featureGradient: df, gate, decayLogit, embedding } = s;
  const mean = fround(dotProduct(df, row, f, row, K) / K);
  for (let i = 0; i < K; i++) {
    const at = byteRow + i;
    const a = s.decay[at]!;
    const dy = times(fround(df[row + i]! - times(f[row + i]!, mean)), s.scale[t * 4]!);
    const d = fround(times(dy, gate.value[at]!) + later[i]!);
    const du = times(d, fround(1 - a));
    const change = fround(s.state1[t * K + i]! - s.input[t * K + i]!);
    gate.gradient[at] = gate.gradient[at]! + times(dy, s.state1[(t + 1) * K + i]!);
    decayLogit.gradient[at] = decayLogit.gradient[at]! + times(times(times(d, change), a), fround(1 - a));
    embedding.gradient[at] = embedding.gradient[at]! + du;
    s.inputGradient[t * K + i] = du;
    later[i] = d * a;
  }
}

/** Learns from a full chunk: each byte that occurs in it moves once. */
function learnChunk(s: Ssm, rate: number): void {
  const { width1: K, width2: V, chunk, tables } = s.size;
  const seen = new Set<number>();
  for (let t = 0; t < chunk; t++) {
    const step = (1 + t) * STEP_WORDS;
    const byte = s.steps[step]!;
    if (!seen.has(byte)) {
      seen.add(byte);
      for (const parameter of [s.embedding, s.decayLogit, s.gate]) descend(parameter, byte * K, K, rate);
      for (let i = byte * K; i < (byte + 1) * K; i++) s.decay[i] = sigmoid32(s.decayLogit.value[i]!);
    }
    for (let e = 0; e < tables; e++) descendRow(s, e, s.steps[step + 1 + e]!, t, rate);
  }
  descend(s.projection, 0, 2 * V * K, fround(rate * 0.5));
  descend(s.decay2Logit, 0, V, rate);
  sigmoidF32(s.decay2Logit.value, s.decay2, V);
}

/** Adds what flows back through a full chunk to the gradients. */
export function backPropagate(s: Ssm): void {
  const later1 = new Float32Array(s.size.width1);
  const later2 = new Float32Array(s.size.width2);
  for (let t = s.size.chunk - 1; t >= 0; t--) {
    backLayer2(s, t, later2);
    backLayer1(s, t, later1);
  }
}

/** Where the chunk is full, learns from it and begins a new one. */
export function closeFullChunk(s: Ssm, rate: number): void {
  const { width1: K, width2: V, chunk: C } = s.size;
  if (s.steps[0]! < C) return;
  backPropagate(s);
  learnChunk(s, rate);
  s.state1.copyWithin(0, C * K, (C + 1) * K);
  s.state2.copyWithin(0, C * V, (C + 1) * V);
  s.steps[0] = 0;
}
