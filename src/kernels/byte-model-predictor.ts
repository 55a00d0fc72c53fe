/**
 * What predicts the bits of a byte and learns them: all parts of the byte model together. Part of the twin of
 * `byte-model.c`.
 */
import { findApms, learnApms, newApms, refine } from './byte-model-apm.js';
import { clampTo, type Model, nearest, Rate } from './byte-model-arithmetic.js';
import { hashContexts } from './byte-model-contexts.js';
import {
  type Inputs,
  learnContexts,
  learnCounters,
  learnMatches,
  MISSED,
  newInputs,
  nodeInHalf,
  readContexts,
  readCounters,
  readMatches,
} from './byte-model-inputs.js';
import { advanceMatches, expectedByte, matchLength } from './byte-model-match.js';
import { LANES } from './byte-model-memory.js';
import { learnMix, type Mix, type Moment, mixInputs, newMix } from './byte-model-mixer.js';
import { findCounters, findRuns, findSlots, learnRuns, newPlaces, type Places } from './byte-model-slots.js';
import { layOutSsms, learnHead, type Ssm, ssmLogit, stepSsm } from './byte-model-ssm.js';
import { closeFullChunk } from './byte-model-ssm-learning.js';
import { readByte } from './byte-model-text.js';
import { sigmoid32 } from './math.js';

const { fround } = Math;

/** Everything between two bits. */
export class Predictor {
  readonly model: Model;
  readonly #ssms: readonly Ssm[];
  readonly #logits: Float32Array;
  readonly #probabilities: Float32Array;
  readonly #places: Places;
  readonly #inputs: Inputs;
  readonly #mix: Mix = newMix();
  readonly #apms = newApms();
  readonly #now: Moment = { node: 1, place: 7, match: 0, expected: 0, longSeen: 0, eighth: 0, sixteenth: 0 };
  /** The class of the first match's length when the byte began. */
  #matchClass = 0;

  constructor(model: Model) {
    this.model = model;
    this.#ssms = layOutSsms(model);
    this.#logits = new Float32Array(this.#ssms.length);
    this.#probabilities = new Float32Array(this.#ssms.length);
    this.#places = newPlaces(model.plan.contexts.length);
    this.#inputs = newInputs(model);
  }

  beginByte(): void {
    const m = this.model;
    for (const ssm of this.#ssms) {
      closeFullChunk(ssm, m.rates[Rate.ssmBody]!);
      stepSsm(ssm, m.registers);
    }
    if (!m.plan.ngrams) return;
    this.#matchClass = classOfMatch(m.plan.matches > 0 ? matchLength(m, 0) : 0);
    hashContexts(m, this.#places.hash);
    findRuns(m, this.#places);
  }

  /** The probability that the next bit is 1. */
  predict(node: number, place: number): number {
    const m = this.model;
    Object.assign(this.#now, { node, place });
    this.#ssms.forEach((ssm, i) => {
      this.#logits[i] = ssmLogit(ssm, node);
      this.#probabilities[i] = sigmoid32(this.#logits[i]!);
    });
    if (!m.plan.ngrams) return this.#probabilities[0]!;
    if (place === 7 || place === 3) {
      findSlots(m, this.#places, node);
      findCounters(m, this.#places, node);
    }
    this.#readInputs();
    this.#lookAround();
    findApms(m, this.#now, this.#apms);
    const logit = mixInputs(m, this.#now, this.#inputs.input, this.#logits, this.#mix);
    return refine(m, logit, sigmoid32(logit), this.#apms);
  }

  #readInputs(): void {
    const { node, place } = this.#now;
    const { input } = this.#inputs;
    readContexts(this.model, this.#places, this.#inputs, node, place);
    let at = this.model.plan.contexts.length * LANES;
    at = readCounters(this.model, this.#places, this.#inputs, nodeInHalf(node, place), at);
    at = readMatches(this.model, this.#inputs, node, place, at);
    for (const [i, p] of this.#probabilities.entries()) {
      input[at++] = this.#logits[i]!;
      input[at++] = fround(p - 0.5) * 2;
    }
    input[at++] = 0.3;
    input.fill(0, at);
  }

  #lookAround(): void {
    const now = this.#now;
    const logit = this.#logits[0] ?? 0;
    const isMatching = this.model.plan.matches > 0 && this.#inputs.match[0] !== MISSED;
    now.match = isMatching ? this.#matchClass + 1 : 0;
    now.expected = isMatching ? expectedByte(this.model, 0) : 0;
    now.longSeen = this.#countLongSeen();
    now.eighth = nearest(fround((this.#probabilities[0] ?? 0.5) * 7));
    now.sixteenth = nearest(fround(clampTo(fround(logit * 1.25), 7.5) + 7.5));
  }

  /** How many of orders 3 to 8 know the context. */
  #countLongSeen(): number {
    const isSeen = (context: number, k: number) =>
      context >= 2 && context <= 6 && this.#inputs.state[k] !== 0;
    return this.model.plan.contexts.filter(isSeen).length;
  }

  learn(bit: number): void {
    const m = this.model;
    const { node, place } = this.#now;
    this.#ssms.forEach((ssm, i) => {
      learnHead(ssm, node, fround(bit - this.#probabilities[i]!), m.rates[Rate.ssmHead]!);
    });
    if (!m.plan.ngrams) return;
    const inHalf = nodeInHalf(node, place);
    learnApms(m, this.#apms, bit);
    learnMix(m, this.#inputs.input, this.#mix, bit);
    learnContexts(m, this.#places, this.#inputs, inHalf, bit);
    learnCounters(m, this.#places, inHalf, bit);
    learnMatches(m, this.#inputs, bit);
  }

  endByte(byte: number): void {
    if (this.model.plan.ngrams) learnRuns(this.model, this.#places, byte);
    this.takeIn(byte);
  }

  takeIn(byte: number): void {
    readByte(this.model, byte);
    if (this.model.plan.ngrams) advanceMatches(this.model);
  }
}

function classOfMatch(length: number): number {
  if (length === 0) return 0;
  if (length < 16) return 1 + Math.floor(length / 6);
  return length < 32 ? 4 : 5;
}
