/**
 * A model of bytes that codes them, bit by bit. The twin of `byte-model.c`.
 */
import {
  CODER_REGISTERS,
  decodeBit,
  encodeBit,
  finishCoder,
  type Input,
  type Output,
  startCoder,
  startDecoder,
} from './byte-model-coder.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite } from './math.js';
import { wasm } from './wasm/byte-model.js';

/** What every kernel begins with: the state's slots and the constants, in the order of `byteModelArrays`. */
type Model = [registers: Uint32Array, counters: Uint32Array, plan: Int32Array];

/** 1 once the model has been started. */
export const STARTED = CODER_REGISTERS;
export const LAST4 = CODER_REGISTERS + 1;

const counterOf = (registers: Uint32Array, plan: Int32Array, node: number): number =>
  (((registers[LAST4]! & 0xffff) << 8) | node) & ((1 << plan[0]!) - 1);

function learnBit(counters: Uint32Array, counter: number, bit: number): void {
  if (bit === 1) counters[counter]! += (2 ** 20 - 32 - counters[counter]!) >>> 4;
  else counters[counter]! -= (counters[counter]! - 32) >>> 4;
}

function step([registers, counters, plan]: Model, byteOrBit: (probability: number, place: number) => number) {
  let node = 1;
  for (let place = 7; place >= 0; place--) {
    const counter = counterOf(registers, plan, node);
    const bit = byteOrBit(counters[counter]!, place);
    learnBit(counters, counter, bit);
    node = node * 2 + bit;
  }
  registers[LAST4] = (registers[LAST4]! << 8) | (node & 255);
  return node & 255;
}

/** Puts the state to what it is before the first byte. */
function startModel(...[registers, counters, plan]: Model): void {
  registers.fill(0);
  registers[STARTED] = 1;
  counters.fill(2 ** 19, 0, 1 << plan[0]!);
}

/** Begins to code a frame; the model goes on. */
function startFrame(...[registers]: Model): void {
  startCoder(registers);
}

/**
 * Codes bytes `from` … `to - 1` of the input, in pieces as long as you like, and returns where the output goes on.
 * Bytes at `outputEnd` and behind are counted, not written.
 */
function encodeBytes(
  ...[registers, counters, plan, input, from, to, output, outputAt, outputEnd]: [
    ...model: Model,
    input: Uint8Array,
    from: number,
    to: number,
    output: Uint8Array,
    outputAt: number,
    outputEnd: number,
  ]
): number {
  const out: Output = { bytes: output, at: outputAt, end: outputEnd };
  for (let i = from; i < to; i++) {
    step([registers, counters, plan], (probability, place) => {
      const bit = (input[i]! >> place) & 1;
      encodeBit(registers, out, bit, probability);
      return bit;
    });
  }
  return out.at;
}

/** Writes what the coder still holds of a frame, and returns where the output goes on. */
function finishFrame(
  ...[registers, , , output, outputAt, outputEnd]: [
    ...model: Model,
    output: Uint8Array,
    outputAt: number,
    outputEnd: number,
  ]
): number {
  const out: Output = { bytes: output, at: outputAt, end: outputEnd };
  finishCoder(registers, out);
  return out.at;
}

/** Begins to decode a frame that lies in bytes `from` … `to - 1`, and returns how far it has read. */
function startDecoding(
  ...[registers, , , input, from, to]: [...model: Model, input: Uint8Array, from: number, to: number]
): number {
  const reading: Input = { bytes: input, at: from, end: to };
  startDecoder(registers, reading);
  return reading.at;
}

/**
 * Decodes into `outputFrom` … `outputTo - 1`, in pieces as long as you like, and returns how far it has read: never
 * beyond `to`. Whatever the bytes are, something is decoded; a checksum must tell whether it is right.
 */
function decodeBytes(
  ...[registers, counters, plan, input, from, to, output, outputFrom, outputTo]: [
    ...model: Model,
    input: Uint8Array,
    from: number,
    to: number,
    output: Uint8Array,
    outputFrom: number,
    outputTo: number,
  ]
): number {
  const reading: Input = { bytes: input, at: from, end: to };
  for (let i = outputFrom; i < outputTo; i++) {
    output[i] = step([registers, counters, plan], (probability) =>
      decodeBit(registers, reading, probability),
    );
  }
  return reading.at;
}

/** Shows the model bytes that are not coded, and returns how many bits they would have cost. */
function learnBytes(
  ...[registers, counters, plan, input, from, to]: [
    ...model: Model,
    input: Uint8Array,
    from: number,
    to: number,
  ]
): number {
  for (let i = from; i < to; i++) {
    step([registers, counters, plan], (_, place) => (input[i]! >> place) & 1);
  }
  return 0;
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

export type ByteModelArrays = Model;
