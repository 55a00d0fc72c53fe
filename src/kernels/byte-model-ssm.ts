/**
 * A selective state space model that predicts bits and learns as it goes. The twin of `byte-model-ssm.h`, which has
 * the equations; how it learns is in `byte-model-ssm-learning.ts`.
 */
import { addScaled, clampTo, dotProduct, LOGIT_MOST, type Model, mixHash } from './byte-model-arithmetic.js';
import { BIAS_FLOATS, BYTES, Register as R, type SsmPlan, STEP_WORDS } from './byte-model-memory.js';
import { exp32, log32, sigmoid32, sigmoidF32 } from './math.js';

const { fround, sqrt } = Math;

const NORM_LEAST = fround(1e-4);

/** A parameter array with the gradients that are still to be applied, and the mean square of those that were. */
export interface Parameter {
  readonly value: Float32Array;
  readonly gradient: Float32Array;
  readonly moment: Float32Array;
}

export type Ssm = ReturnType<typeof layOutSsm>;

/** Hands out an array piece by piece. */
function carver(from: { at: number }, floats: Float32Array) {
  const carve = (length: number) => {
    from.at += length;
    return floats.subarray(from.at - length, from.at);
  };
  const carveParameter = (length: number): Parameter => ({
    value: carve(length),
    gradient: carve(length),
    moment: carve(length),
  });
  return { carve, carveParameter };
}

/** Where a model's arrays begin: behind those of the models before it. */
interface Cursor {
  readonly floats: { at: number };
  readonly embeddings: { at: number };
  steps: number;
}

function layOutSsm(m: Model, size: SsmPlan, cursor: Cursor) {
  const { width1: K, width2: V, chunk: C, tables, rowBits } = size;
  const F = K + V + BIAS_FLOATS;
  const { carve, carveParameter } = carver(cursor.floats, m.ssm);
  const { carve: carveRows } = carver(cursor.embeddings, m.embeddings);
  const ssm = {
    size,
    features: F,
    embedding: carveParameter(BYTES * K),
    decayLogit: carveParameter(BYTES * K),
    gate: carveParameter(BYTES * K),
    projection: carveParameter(2 * V * K),
    decay2Logit: carveParameter(V),
    /** The sigmoids of the decay logits. */
    decay: carve(BYTES * K),
    decay2: carve(V),
    head: carve(BYTES * F),
    /** The states before each byte of the chunk [chunk + 1, width], and what its steps went through [chunk, …]. */
    state1: carve((C + 1) * K),
    state2: carve((C + 1) * V),
    input: carve(C * K),
    inputGradient: carve(C * K),
    feature: carve(C * F),
    featureGradient: carve(C * F),
    candidate: carve(C * V),
    openness: carve(C * V),
    scale: carve(C * 4),
    rows: carveRows(tables * K * 2 ** rowBits),
    rowMoments: carveRows(tables * 2 ** rowBits),
    /** How many bytes the chunk has; for each the byte and its row in each table. */
    steps: m.steps.subarray(cursor.steps, cursor.steps + (C + 1) * STEP_WORDS),
  };
  cursor.steps += (C + 1) * STEP_WORDS;
  return ssm;
}

/** The arrays of all of the model's state space models. */
export function layOutSsms(m: Model): Ssm[] {
  const cursor = { floats: { at: 0 }, embeddings: { at: 0 }, steps: 0 };
  return m.plan.ssms.map((size) => layOutSsm(m, size, cursor));
}

/** Between -1 and 1, from a number. */
const noise = (seed: number): number => fround(mixHash(seed, seed ^ 0x5bd1e995) | 0) * 2 ** -31;

const SHORTEST_DECAY = fround(0.02);

/** The logit of a decay whose memory lasts from 0 to e^longest bytes, in `steps` logarithmic steps. */
function spacedDecay(i: number, steps: number, longest: number): number {
  const step = i % steps;
  const bytes = fround(exp32(fround(fround(longest * step) / (steps - 1))) + fround(0.05));
  const decay = step === 0 ? SHORTEST_DECAY : fround(1 - fround(1 / bytes));
  return log32(fround(decay / fround(1 - decay)));
}

export function startSsm(s: Ssm, longest: number): void {
  const { width1: K, width2: V } = s.size;
  for (let i = 0; i < BYTES * K; i++) {
    s.embedding.value[i] = noise(i) * fround(0.52);
    s.decayLogit.value[i] = spacedDecay(i % K, 32, longest);
    s.gate.value[i] = 1 + fround(noise(i ^ 0x10000000) * fround(0.17));
  }
  sigmoidF32(s.decayLogit.value, s.decay, BYTES * K);
  for (let i = 0; i < 2 * V * K; i++) s.projection.value[i] = noise(i ^ 0x20000000) * fround(0.157);
  for (let j = 0; j < V; j++) s.decay2Logit.value[j] = spacedDecay(j, 16, longest);
  sigmoidF32(s.decay2Logit.value, s.decay2, V);
}

/** Finds the rows of the tables that stand for the last bytes and words, into `steps` from `first` on. */
function findRows({ size, steps }: Ssm, r: Uint32Array, first: number): void {
  const last4 = r[R.last4]!;
  const word = r[R.word]!;
  const hashes = [
    last4 & 0xffff,
    last4 & 0xffffff,
    last4,
    word,
    mixHash(word, r[R.word1]!),
    mixHash(last4, word),
  ];
  for (let e = 0; e < size.tables; e++) steps[first + e] = mixHash(hashes[e]!, e) >>> (32 - size.rowBits);
}

/** Where a table's row begins. */
export const rowAt = ({ size }: Ssm, table: number, row: number): number =>
  (table * 2 ** size.rowBits + row) * size.width1;

/** f = y / rms(y) from their rows on, and its factor. */
function normalize(y: Float32Array, yRow: number, f: Float32Array, fRow: number, n: number): number {
  const factor = fround(1 / fround(sqrt(fround(fround(dotProduct(y, yRow, y, yRow, n) / n) + NORM_LEAST))));
  for (let i = 0; i < n; i++) f[fRow + i] = y[yRow + i]! * factor;
  return factor;
}

function stepLayer1(s: Ssm, t: number): void {
  const { width1: K, tables } = s.size;
  const step = (1 + t) * STEP_WORDS;
  const byteRow = s.steps[step]! * K;
  const inputRow = t * K;
  const y = new Float32Array(K);
  s.input.set(s.embedding.value.subarray(byteRow, byteRow + K), inputRow);
  for (let e = 0; e < tables; e++) {
    addScaled(s.input, inputRow, s.rows, rowAt(s, e, s.steps[step + 1 + e]!), 1, K);
  }
  for (let i = 0; i < K; i++) {
    const a = s.decay[byteRow + i]!;
    const kept = fround(a * s.state1[t * K + i]!);
    const h = fround(kept + fround(fround(1 - a) * s.input[inputRow + i]!));
    s.state1[(t + 1) * K + i] = h;
    y[i] = h * s.gate.value[byteRow + i]!;
  }
  s.scale[t * 4] = normalize(y, 0, s.feature, t * s.features, K);
}

function stepLayer2(s: Ssm, t: number): void {
  const { width1: K, width2: V } = s.size;
  const feature = t * s.features;
  for (let j = 0; j < V; j++) {
    const candidate = dotProduct(s.projection.value, j * K, s.feature, feature, K);
    const open = sigmoid32(dotProduct(s.projection.value, (V + j) * K, s.feature, feature, K));
    const b = s.decay2[j]!;
    const kept = fround(b * s.state2[t * V + j]!);
    s.candidate[t * V + j] = candidate;
    s.openness[t * V + j] = open;
    s.state2[(t + 1) * V + j] = kept + fround(fround(fround(1 - b) * candidate) * open);
  }
  s.scale[t * 4 + 1] = normalize(s.state2, (t + 1) * V, s.feature, feature + K, V);
}

/** Takes in the last byte in a chunk that is not full: afterwards the newest features predict the next one. */
export function stepSsm(s: Ssm, r: Uint32Array): void {
  const t = s.steps[0]!++;
  const feature = t * s.features;
  s.steps[(1 + t) * STEP_WORDS] = r[R.last4]! & 255;
  findRows(s, r, (1 + t) * STEP_WORDS + 1);
  stepLayer1(s, t);
  stepLayer2(s, t);
  const width = s.size.width1 + s.size.width2;
  for (let i = 0; i < BIAS_FLOATS; i++) s.feature[feature + width + i] = i === 0 ? 1 : 0;
  s.featureGradient.fill(0, feature, feature + s.features);
}

/** The logit of the next bit. */
export function ssmLogit(s: Ssm, node: number): number {
  const feature = (s.steps[0]! - 1) * s.features;
  return clampTo(dotProduct(s.head, node * s.features, s.feature, feature, s.features), LOGIT_MOST);
}

/** Moves the head, and keeps what flows back from it; `error` is the bit less its probability. */
export function learnHead(s: Ssm, node: number, error: number, rate: number): void {
  const feature = (s.steps[0]! - 1) * s.features;
  const head = node * s.features;
  const step = fround(error * rate);
  for (let i = 0; i < s.features; i++) {
    const w = s.head[head + i]!;
    s.featureGradient[feature + i] = s.featureGradient[feature + i]! + fround(error * w);
    s.head[head + i] = w + fround(step * s.feature[feature + i]!);
  }
}
