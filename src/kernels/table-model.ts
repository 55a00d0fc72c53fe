/**
 * One binary decision of the table model: predicted from its contexts, coded or decoded, and learned from.
 *
 *   cell      of each context, found by hash: probability p, count n, and a history of bits
 *   inputs    three a context: stretch of (n p + p_parent) / (n + 1), of what (n, p) meant before, of what the history did
 *   mixing    four logistic mixers, their weights chosen by the request; a fifth mixes them
 *   refining  two maps from that probability and a context to the one that is coded
 *
 * The twin of `table-model.c`: the same arguments, the same order of operations, the same bits.
 */
import { defineKernels } from './kernel.js';
import { CONTEXTS, MAP_PLACES, START, STATES } from './table-constants.js';
import { learn } from './table-model-learning.js';
import {
  APM_STEPS,
  APMS,
  CODER,
  CONFIDENCE,
  INPUTS,
  type Model,
  type Prediction,
  REQUEST,
  SETS,
  squash,
  stretch,
} from './table-model-shapes.js';
import { wasm } from './wasm/table-model.js';

const { fround, imul, trunc } = Math;

const LOGIT_MOST = fround(11.99);
const BIAS = fround(0.3);
const WEIGHT_START = fround(0.035);
const LEAST_P = fround(1 / 65536);
const MOST_P = fround(65535 / 65536);

/**
 * Codes `given` (0 or 1), or decodes (−1), one decision; answers it.
 *
 * Shapes: cells [2^cellBits, 2]: check 16 p 16, history 16 n 16; maps and mapCounts [models, CONTEXTS, MAP_PLACES];
 * weights [rows, INPUTS]; finals [rows, 4]; apms [APMS, 2^apmBits, 33]. These hold how far they are from their start:
 * zeros are a fresh model. constants and histories from `table-constants`; request by REQUEST; extras [16]: logits;
 * inputs [INPUTS] and slots [SLOTS]: scratch; coder by CODER; bytes: written, or read, up to the coder's end.
 */
export function tableBit(
  cells: Uint32Array,
  maps: Float32Array,
  mapCounts: Uint16Array,
  weights: Float32Array,
  finals: Float32Array,
  apms: Float32Array,
  constants: Float32Array,
  histories: Uint8Array,
  request: Int32Array,
  extras: Float32Array,
  inputs: Float32Array,
  slots: Int32Array,
  coder: Uint32Array,
  bytes: Uint8Array,
  cellBits: number,
  apmBits: number,
  rate: number,
  rateLeast: number,
  given: number,
): number {
  const model: Model = {
    cells,
    maps,
    mapCounts,
    weights,
    finals,
    apms,
    constants,
    histories,
    request,
    extras,
    inputs,
    slots,
    cellBits,
    apmBits,
    count: request[REQUEST.count]!,
  };
  const at = predict(model);
  const bit = narrow(coder, bytes, Math.floor(at.p * 65536), given);
  const slowed = fround(fround(rate) / fround(1 + fround(fround(coder[CODER.decisions]!) * fround(0.00001))));
  coder[CODER.decisions] = coder[CODER.decisions]! + 1;
  learn(model, at, bit, Math.max(slowed, fround(rateLeast)));
  return bit;
}

export const tableModelKernels = defineKernels('table-model', wasm, { tableBit });

function mix(h: number): number {
  let x = imul(h ^ (h >>> 15), 0x2c1b3c6d);
  x = imul(x ^ (x >>> 12), 0x297a2d39);
  return x ^ (x >>> 15);
}

const within = (x: number, most: number) => (x > most ? most : Math.max(x, -most));

/** The cell of a context at a node: found by its check bits in a bucket of four, or made in place of the least seen. */
function findCell({ cells, cellBits }: Model, context: number, node: number): number {
  const bucket = (mix((context + imul(node, 0x9e3779b1)) | 0) >>> (34 - cellBits)) << 2;
  const check = (imul(context ^ imul(node, 0x85ebca6b), 0xc2b2ae35) >>> 16) | 1;
  let least = bucket;
  let leastCount = Number.POSITIVE_INFINITY;
  for (let at = bucket; at < bucket + 4; at++) {
    const found = cells[2 * at]! >>> 16;
    if (found === check) return at;
    const count = found === 0 ? 0 : 1 + (cells[2 * at + 1]! & 0xffff);
    if (count < leastCount) {
      least = at;
      leastCount = count;
    }
  }
  cells[2 * least] = (check << 16) | 32768;
  cells[2 * least + 1] = 0;
  return least;
}

const mapped = ({ maps, constants }: Model, map: number, place: number) =>
  fround(maps[map + place]! + constants[START.maps + place]!);

/** Three inputs of context i: its probability backed off to its parent's, and what such counts and histories meant. */
function contextInputs(model: Model, i: number, backedOff: Float32Array): void {
  const { request, cells, slots, inputs, constants } = model;
  const parent = request[REQUEST.parents + i]!;
  const cell = 2 * slots[i]!;
  const n = cells[cell + 1]! & 0xffff;
  const p = fround((cells[cell]! & 0xffff) * LEAST_P);
  const before = parent < 0 ? 0.5 : backedOff[parent]!;
  const own = fround(fround(fround(n * p) + before) * constants[START.reciprocals + n]!);
  backedOff[i] = own;
  inputs[3 * i] = stretch(model, own);
  inputs[3 * i + 1] = 0;
  inputs[3 * i + 2] = 0;
  slots[CONTEXTS + i] = -1;
  if (n === 0) return;
  const bucket = Math.min(31, Math.max(0, trunc(fround(fround(stretch(model, p) * 2) + 16))));
  const map = (request[REQUEST.model]! * CONTEXTS + i) * MAP_PLACES;
  const confidence = constants[START.classes + n]! * 32 + bucket;
  const history = CONFIDENCE + (cells[cell + 1]! >>> 16);
  inputs[3 * i + 1] = stretch(model, mapped(model, map, confidence));
  inputs[3 * i + 2] = stretch(model, mapped(model, map, history));
  slots[CONTEXTS + i] = map + confidence;
  slots[2 * CONTEXTS + i] = map + history;
}

/** Two bits of how sure a context can be. */
function sureness({ cells, slots, histories, count }: Model, context: number): number {
  if (context >= count) return 0;
  const word = cells[2 * slots[context]! + 1]!;
  const n = word & 0xffff;
  if (n < 3) return n > 0 ? 1 : 0;
  if (histories[2 * STATES + (word >>> 16)]) return n < 12 ? 2 : 3;
  return n < 30 ? 1 : 2;
}

/** A sum in four lanes: lane i of every fourth product, then the first two and the last two. */
function laneSum(length: number, at: (i: number) => number): number {
  const lanes = new Float32Array(4);
  for (let i = 0; i < length; i++) lanes[i & 3] = lanes[i & 3]! + at(i);
  return fround(fround(lanes[0]! + lanes[1]!) + fround(lanes[2]! + lanes[3]!));
}

function predict(model: Model): Prediction {
  const { request, slots, inputs, extras, weights, finals, count } = model;
  for (let i = 0; i < count; i++) {
    const node = i < request[REQUEST.withNode]! ? request[REQUEST.node]! : 0;
    slots[i] = findCell(model, request[REQUEST.hashes + i]!, node);
  }
  const backedOff = new Float32Array(CONTEXTS);
  for (let i = 0; i < count; i++) contextInputs(model, i, backedOff);
  let n = 3 * count;
  for (let i = 0; i < request[REQUEST.extras]!; i++) inputs[n++] = extras[i]!;
  inputs[n++] = BIAS;
  while (n & 3) inputs[n++] = 0;
  let sure = 0;
  for (let i = 0; i < 4; i++) {
    const context = request[REQUEST.confident + i]!;
    if (context >= 0) sure = sure * 4 + sureness(model, context);
  }
  const rows = Array.from({ length: SETS }, (_, s) => request[REQUEST.rows + s]! + (s === 2 ? sure : 0));
  const start = fround(laneSum(n, (i) => inputs[i]!) * WEIGHT_START);
  const dots = rows.map((row) => {
    const sum = laneSum(n, (i) => fround(weights[row * INPUTS + i]! * inputs[i]!));
    return within(fround(sum + start), LOGIT_MOST);
  });
  let mixed = 0;
  for (let s = 0; s < SETS; s++) {
    const weight = fround(finals[rows[0]! * SETS + s]! + fround(1 / SETS));
    mixed = fround(mixed + fround(weight * dots[s]!));
  }
  mixed = within(mixed, LOGIT_MOST);
  const mixedP = squash(model, mixed);
  return { rows, dots, inputs: n, mixedP, ...refine(model, mixed, mixedP) };
}

function refine(model: Model, mixed: number, mixedP: number) {
  const { request, apms, constants, apmBits, count } = model;
  const scaled = fround(fround(within(mixed, fround(7.999)) + 8) * 2);
  const step = trunc(scaled);
  const between = fround(scaled - step);
  const beyond = fround(1 - between);
  const node = imul(request[REQUEST.node]!, 0x9e3779b1);
  let p = fround(mixedP * 2);
  const apmRows: number[] = [];
  for (let a = 0; a < APMS; a++) {
    const context = request[REQUEST.apmContexts + a]!;
    const hash = context < 0 || context >= count ? 0 : request[REQUEST.hashes + context]!;
    const row = mix((hash + node + request[REQUEST.model]!) | 0) >>> (32 - apmBits);
    const at = ((a << apmBits) | row) * APM_STEPS + step;
    apmRows.push(at);
    const low = fround(apms[at]! + constants[START.apm + step]!);
    const high = fround(apms[at + 1]! + constants[START.apm + step + 1]!);
    p = fround(p + fround(fround(low * beyond) + fround(high * between)));
  }
  p = fround(p / (2 + APMS));
  return { apmRows, between, p: Math.min(MOST_P, Math.max(LEAST_P, p)) };
}

/** Narrows the coder's range by a decision that is given, or else by the one that the bytes tell. */
function narrow(coder: Uint32Array, bytes: Uint8Array, p: number, given: number): number {
  const { low, high, code, position, end } = CODER;
  const range = coder[high]! - coder[low]!;
  const middle = coder[low]! + (range >>> 16) * p + (((range & 0xffff) * p) >>> 16);
  const bit = given < 0 ? (coder[code]! <= middle ? 1 : 0) : given;
  if (bit) coder[high] = middle;
  else coder[low] = middle + 1;
  for (; (coder[low]! ^ coder[high]!) >>> 24 === 0; coder[position] = coder[position]! + 1) {
    const at = coder[position]!;
    const inside = at < coder[end]!;
    if (given < 0) coder[code] = (coder[code]! << 8) | (inside ? bytes[at]! : 0);
    else if (inside) bytes[at] = coder[high]! >>> 24;
    coder[low] = coder[low]! << 8;
    coder[high] = (coder[high]! << 8) | 255;
  }
  return bit;
}
