/**
 * A model of bytes that codes them bit by bit: contexts and a state space model, mixed. The twin of `byte-model.c`.
 *
 * Every kernel begins with the model's arrays, in the order of `ByteModelArrays`; their sizes follow from a plan
 * (`byte-model-memory.ts`). All state is in them: bytes can be handed over in pieces of any length.
 */
import { findApms, learnApms, newApms, refine, startApms } from './byte-model-apm.js';
import {
  type ByteModelArrays,
  clampTo,
  type Model,
  modelOf,
  nearest,
  Rate,
} from './byte-model-arithmetic.js';
import {
  decodeBit,
  encodeBit,
  finishCoder,
  type Input,
  type Output,
  PROBABILITY_BITS,
  startCoder,
  startDecoder,
} from './byte-model-coder.js';
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
  startMaps,
} from './byte-model-inputs.js';
import { advanceMatches, expectedByte, matchLength } from './byte-model-match.js';
import { LANES, Register } from './byte-model-memory.js';
import { learnMix, type Mix, type Moment, mixInputs, newMix, startMixer } from './byte-model-mixer.js';
import {
  EVEN_COUNTER,
  findCounters,
  findRuns,
  findSlots,
  learnRuns,
  newPlaces,
  type Places,
} from './byte-model-slots.js';
import { layOutSsms, learnHead, type Ssm, ssmLogit, startSsm, stepSsm } from './byte-model-ssm.js';
import { closeFullChunk } from './byte-model-ssm-learning.js';
import { readByte } from './byte-model-text.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite, LOG2_E, log32, sigmoid32 } from './math.js';
import { wasm } from './wasm/byte-model.js';

export type { ByteModelArrays } from './byte-model-arithmetic.js';

const { fround } = Math;

/** Everything between two bits. */
class Predictor {
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
    readByte(this.model, byte);
    if (this.model.plan.ngrams) advanceMatches(this.model);
  }
}

function classOfMatch(length: number): number {
  if (length === 0) return 0;
  if (length < 16) return 1 + Math.floor(length / 6);
  return length < 32 ? 4 : 5;
}

const PROBABILITIES = 2 ** PROBABILITY_BITS;

/** A probability as the coder takes it. */
const codedProbability = (p: number): number =>
  Math.min(Math.max(nearest(p * PROBABILITIES), 1), PROBABILITIES - 1);

/** Takes a byte through the model; `code` says each bit, given the probability that it is 1. */
function codeByte(predictor: Predictor, code: (probability: number, place: number) => number): number {
  let node = 1;
  predictor.beginByte();
  for (let place = 7; place >= 0; place--) {
    const bit = code(codedProbability(predictor.predict(node, place)), place);
    predictor.learn(bit);
    node = node * 2 + bit;
  }
  predictor.endByte(node & 255);
  return node & 255;
}

const ARRAYS = 19;
type Arguments<A extends unknown[]> = [...arrays: ByteModelArrays, ...A];

/** The model's arrays, and what follows them. */
function split<A extends unknown[]>(args: Arguments<A>): [Model, A] {
  return [modelOf(...(args.slice(0, ARRAYS) as ByteModelArrays)), args.slice(ARRAYS) as A];
}

/** How far back the two models' slowest states reach at first: e^5 and e^7 bytes. */
const LONGEST = [5, 7];

/** Makes a model of slots that are all zeros. */
function startModel(...arrays: ByteModelArrays): void {
  const m = modelOf(...arrays);
  m.registers[Register.started] = 1;
  layOutSsms(m).forEach((ssm, i) => {
    startSsm(ssm, LONGEST[i]!);
  });
  if (!m.plan.ngrams) return;
  m.counters.fill(EVEN_COUNTER);
  startMaps(m);
  startMixer(m);
  startApms(m);
}

/** Begins to code a frame; the model goes on. */
function startFrame(...[registers]: ByteModelArrays): void {
  startCoder(registers);
}

/**
 * Codes bytes `from` … `to - 1` of the input and returns where the output goes on. Bytes at `outputEnd` and behind are
 * counted, not written.
 */
function encodeBytes(
  ...args: Arguments<
    [input: Uint8Array, from: number, to: number, output: Uint8Array, outputAt: number, outputEnd: number]
  >
): number {
  const [model, [input, from, to, output, outputAt, outputEnd]] = split(args);
  const predictor = new Predictor(model);
  const out: Output = { bytes: output, at: outputAt, end: outputEnd };
  for (let i = from; i < to; i++) {
    codeByte(predictor, (probability, place) => {
      const bit = (input[i]! >> place) & 1;
      encodeBit(model.registers, out, bit, probability);
      return bit;
    });
  }
  return out.at;
}

/** Writes what the coder still holds of a frame, and returns where the output goes on. */
function finishFrame(...args: Arguments<[output: Uint8Array, outputAt: number, outputEnd: number]>): number {
  const [{ registers }, [output, outputAt, outputEnd]] = split(args);
  const out: Output = { bytes: output, at: outputAt, end: outputEnd };
  finishCoder(registers, out);
  return out.at;
}

/** Begins to decode a frame that lies in bytes `from` … `to - 1`, and returns how far it has read. */
function startDecoding(...args: Arguments<[input: Uint8Array, from: number, to: number]>): number {
  const [{ registers }, [input, from, to]] = split(args);
  const reading: Input = { bytes: input, at: from, end: to };
  startDecoder(registers, reading);
  return reading.at;
}

/**
 * Decodes into `outputFrom` … `outputTo - 1`, and returns how far it has read: never beyond `to`. Whatever the bytes
 * are, something is decoded; a checksum must tell whether it is right.
 */
function decodeBytes(
  ...args: Arguments<
    [input: Uint8Array, from: number, to: number, output: Uint8Array, outputFrom: number, outputTo: number]
  >
): number {
  const [model, [input, from, to, output, outputFrom, outputTo]] = split(args);
  const predictor = new Predictor(model);
  const reading: Input = { bytes: input, at: from, end: to };
  for (let i = outputFrom; i < outputTo; i++) {
    output[i] = codeByte(predictor, (probability) => decodeBit(model.registers, reading, probability));
  }
  return reading.at;
}

/** Shows the model bytes that are not coded, and returns how many bits they would have cost. */
function learnBytes(...args: Arguments<[input: Uint8Array, from: number, to: number]>): number {
  const [model, [input, from, to]] = split(args);
  const predictor = new Predictor(model);
  let bits = 0;
  for (let i = from; i < to; i++) {
    codeByte(predictor, (probability, place) => {
      const bit = (input[i]! >> place) & 1;
      const p = fround((bit === 1 ? probability : PROBABILITIES - probability) / PROBABILITIES);
      bits -= fround(log32(p) * LOG2_E);
      return bit;
    });
  }
  return bits;
}

export const byteModelKernels = defineKernels('byte-model', wasm, {
  startModel,
  startFrame,
  encodeBytes,
  finishFrame,
  startDecoding,
  decodeBytes,
  learnBytes,
  firstNonFinite,
  firstAbove,
});
