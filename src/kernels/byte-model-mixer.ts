/**
 * Mixing: every set picks the row of weights that suits the moment, each row adds up all inputs to a logit of its own,
 * and a last layer adds up those logits in six ways, whose mean is the mix. The twin of `byte-model-mixer.h`.
 *
 * Shapes: weights [sets, 2^setBits, inputs], their counts [sets, 2^setBits], finals [6, 2^finalBits, 16].
 */
import {
  addScaled,
  clampTo,
  dotProduct,
  LOGIT_MOST,
  type Model,
  Rate,
  roughSigmoid,
} from './byte-model-arithmetic.js';
import {
  DIRECT,
  FINALS,
  inputsOf,
  LANES,
  LOGITS,
  type ModelPlan,
  Register as R,
  SETS_MOST,
} from './byte-model-memory.js';
import { classOf } from './byte-model-text.js';

const { fround } = Math;

const COUNT_MOST = 65535;

/** What the choice of rows depends on, at one bit. */
export interface Moment {
  node: number;
  place: number;
  /** 0 without a match; else 1 more than the class of its length when the byte began. */
  match: number;
  expected: number;
  /** How many of the long contexts have been seen before. */
  longSeen: number;
  /** The state space model's probability in 8 parts, and its logit in 16. */
  eighth: number;
  sixteenth: number;
}

export interface Mix {
  readonly row: Uint32Array;
  readonly count: Uint32Array;
  readonly final: Uint32Array;
  readonly logits: Float32Array;
  readonly probability: Float32Array;
  readonly finalProbability: Float32Array;
}

export const newMix = (): Mix => ({
  row: new Uint32Array(SETS_MOST),
  count: new Uint32Array(SETS_MOST),
  final: new Uint32Array(FINALS),
  logits: new Float32Array(LOGITS),
  probability: new Float32Array(SETS_MOST),
  finalProbability: new Float32Array(FINALS),
});

const choices: readonly ((r: Uint32Array, now: Moment) => number)[] = [
  (_, { node }) => node,
  (r, { match }) => (match << 8) | (r[R.last4]! & 0xff),
  (_, { longSeen, place, match }) => (longSeen << 3) | place | (match << 6),
  (r, { place, eighth }) =>
    (r[R.word] === 0 ? 0 : 1) | (place << 1) | (Math.min(r[R.field]!, 15) << 4) | (eighth << 8),
  (r) => (r[R.last4]! >>> 8) & 0xff,
  (_, { eighth, node }) => (eighth << 8) | node,
  (_, { expected, match }) => expected | (match > 0 ? 256 : 0),
  (r, { node }) => (r[R.markup]! << 8) | node,
  (r, { place }) =>
    (Math.min(r[R.wordLength]!, 15) << 3) | place | (classOf((r[R.last4]! >>> 8) & 0xff) << 7),
  (r) => r[R.classes]! & 0xfff,
  (r) => (r[R.last4]! >>> 16) & 0xff,
  (_, { sixteenth, place, longSeen }) => (sixteenth << 3) | place | (longSeen << 7),
];

const finalChoices: readonly ((r: Uint32Array, now: Moment) => number)[] = [
  (_, { match, node }) => (Math.max(match - 1, 0) << 8) | node,
  (r) => r[R.last4]! & 0xff,
  (_, { sixteenth, place }) => (sixteenth << 3) | place,
  (r, { place, longSeen }) => (r[R.markup]! << 3) | place | (longSeen << 7),
  (r) => r[R.classes]! & 0x1ff,
  (r) => (r[R.last4]! >>> 8) & 0xff,
];

export function startMixer({ weights, finals, rates, plan }: Model): void {
  const inputs = inputsOf(plan);
  for (let i = 0; i < inputs; i++) {
    const ofRecord = i < plan.contexts.length * LANES ? i % LANES : 3;
    const other = ofRecord === 3 ? rates[Rate.weightOther]! : 0;
    const weight = ofRecord === 0 ? rates[Rate.weightState]! : other;
    for (let row = 0; row < weights.length; row += inputs) weights[row + i] = weight;
  }
  for (let i = 0; i < finals.length; i++)
    finals[i] = i % LOGITS < plan.sets.length ? 1 / plan.sets.length : 0;
}

/** What enters the last layer: the sets' logits, the state space models', and those of the direct counters. */
function gatherLogits(plan: ModelPlan, input: Float32Array, ssmLogits: Float32Array, mix: Mix): void {
  let at = plan.sets.length;
  const counters = plan.contexts.length * LANES;
  mix.logits.fill(0, at);
  for (const logit of ssmLogits) mix.logits[at++] = logit;
  for (let order = 0; order < DIRECT && at < LOGITS; order++) {
    mix.logits[at++] = input[counters + 2 * order]!;
  }
}

/** The mix's logit. */
export function mixInputs(
  m: Model,
  now: Moment,
  input: Float32Array,
  ssmLogits: Float32Array,
  mix: Mix,
): number {
  const { plan, registers, weights, finals, tables } = m;
  const inputs = inputsOf(plan);
  plan.sets.forEach((set, k) => {
    const row = choices[set]!(registers, now) & (2 ** plan.setBits - 1);
    mix.count[k] = k * 2 ** plan.setBits + row;
    mix.row[k] = mix.count[k]! * inputs;
    mix.logits[k] = clampTo(dotProduct(weights, mix.row[k]!, input, 0, inputs), LOGIT_MOST);
    mix.probability[k] = roughSigmoid(tables, mix.logits[k]!);
  });
  gatherLogits(plan, input, ssmLogits, mix);
  let sum = 0;
  for (let k = 0; k < FINALS; k++) {
    const row = finalChoices[k]!(registers, now) & (2 ** plan.finalBits - 1);
    mix.final[k] = (k * 2 ** plan.finalBits + row) * LOGITS;
    const logit = clampTo(dotProduct(finals, mix.final[k]!, mix.logits, 0, LOGITS), LOGIT_MOST);
    mix.finalProbability[k] = roughSigmoid(tables, logit);
    sum = fround(sum + logit);
  }
  return fround(sum / FINALS);
}

/** A row learns the slower the more it has learned; errors that hardly matter are left out. */
export function learnMix(m: Model, input: Float32Array, mix: Mix, bit: number): void {
  const { plan, rates, weights, weightCounts, finals } = m;
  for (let k = 0; k < FINALS; k++) {
    const error = fround(bit - mix.finalProbability[k]!);
    addScaled(finals, mix.final[k]!, mix.logits, 0, fround(error * rates[Rate.final]!), LOGITS);
  }
  for (let k = 0; k < plan.sets.length; k++) {
    const error = fround(bit - mix.probability[k]!);
    if (Math.abs(error) < rates[Rate.mixIgnored]!) continue;
    const count = weightCounts[mix.count[k]!]!;
    const slower = fround(1 + fround(count * rates[Rate.mixDecay]!));
    const rate = fround(rates[Rate.mixLeast]! + fround(rates[Rate.mixSpan]! / slower));
    addScaled(weights, mix.row[k]!, input, 0, fround(error * rate), input.length);
    weightCounts[mix.count[k]!] = Math.min(count + 1, COUNT_MOST);
  }
}
