/**
 * A model of bytes that codes them bit by bit: contexts and a state space model, mixed. The twin of `byte-model.c`.
 *
 * Every kernel begins with the model's arrays, in the order of `ByteModelArrays`; their sizes follow from a plan
 * (`byte-model-memory.ts`). All state is in them: bytes can be handed over in pieces of any length.
 */
import { startApms } from './byte-model-apm.js';
import { type ByteModelArrays, type Model, modelOf, nearest } from './byte-model-arithmetic.js';
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
import { mapsOf, startMaps } from './byte-model-inputs.js';
import { expectedByte, isTrusted, learnTrust, trustCell } from './byte-model-match.js';
import { Register } from './byte-model-memory.js';
import { startMixer } from './byte-model-mixer.js';
import { Predictor } from './byte-model-predictor.js';
import { EVEN_COUNTER } from './byte-model-slots.js';
import { layOutSsms, startSsm } from './byte-model-ssm.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite, LOG2_E, log32 } from './math.js';
import { wasm } from './wasm/byte-model.js';

export type { ByteModelArrays } from './byte-model-arithmetic.js';

const { fround } = Math;

const PROBABILITIES = 2 ** PROBABILITY_BITS;

/** A probability as the coder takes it. */
const codedProbability = (p: number): number =>
  Math.min(Math.max(nearest(p * PROBABILITIES), 1), PROBABILITIES - 1);

/** Says a bit, given the probability that it is 1. */
interface BitCoder {
  /** The bit of the byte at a place, 7 … 0. */
  bit(probability: number, place: number): number;
  /** 1 if the byte is another one than expected. */
  differs(probability: number, expected: number): number;
}

/** Whether the next byte is the one that a trusted match expects; if so, it is taken in. */
function codeTrusted(predictor: Predictor, code: BitCoder, expected: number): boolean {
  const { model } = predictor;
  const cell = trustCell(model, mapsOf(model).trust);
  const ended = code.differs(codedProbability(model.maps[cell]!), expected) === 1;
  learnTrust(model, cell, ended);
  if (!ended) predictor.takeIn(expected);
  return !ended;
}

/** Takes a byte through the model, and returns it. */
function codeByte(predictor: Predictor, code: BitCoder): number {
  let node = 1;
  if (isTrusted(predictor.model)) {
    const expected = expectedByte(predictor.model, 0);
    if (codeTrusted(predictor, code, expected)) return expected;
  }
  predictor.beginByte();
  for (let place = 7; place >= 0; place--) {
    const bit = code.bit(codedProbability(predictor.predict(node, place)), place);
    predictor.learn(bit);
    node = node * 2 + bit;
  }
  predictor.endByte(node & 255);
  return node & 255;
}

/** Says the bits of a known byte, each of which is `seen` with its probability. */
function knownByte(byte: number, seen: (bit: number, probability: number) => void): BitCoder {
  const say = (bit: number, probability: number) => {
    seen(bit, probability);
    return bit;
  };
  return {
    bit: (probability, place) => say((byte >> place) & 1, probability),
    differs: (probability, expected) => say(byte === expected ? 0 : 1, probability),
  };
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
    codeByte(
      predictor,
      knownByte(input[i]!, (bit, probability) => encodeBit(model.registers, out, bit, probability)),
    );
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
  const decode = (probability: number) => decodeBit(model.registers, reading, probability);
  for (let i = outputFrom; i < outputTo; i++) {
    output[i] = codeByte(predictor, { bit: decode, differs: decode });
  }
  return reading.at;
}

/** Shows the model bytes that are not coded, and returns how many bits they would have cost. */
function learnBytes(...args: Arguments<[input: Uint8Array, from: number, to: number]>): number {
  const [model, [input, from, to]] = split(args);
  const predictor = new Predictor(model);
  let bits = 0;
  for (let i = from; i < to; i++) {
    codeByte(
      predictor,
      knownByte(input[i]!, (bit, probability) => {
        const p = fround((bit === 1 ? probability : PROBABILITIES - probability) / PROBABILITIES);
        bits -= fround(log32(p) * LOG2_E);
      }),
    );
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
