/**
 * The table model's kernel: its twin has the same bits in every array, decoding tells what was encoded, and nothing
 * outside of its arrays is touched.
 */
import { describe, expect, it } from 'vitest';
import { bitHistories } from '../../src/kernels/bit-history.js';
import type { Backend } from '../../src/kernels/kernel.js';
import {
  CONTEXTS,
  logarithm,
  logistic,
  MAP_PLACES,
  START,
  STATES,
  tableConstants,
  tableHistories,
} from '../../src/kernels/table-constants.js';
import { tableModelKernels } from '../../src/kernels/table-model.js';
import { CODER, REQUEST, TABLE_SHAPES } from '../../src/kernels/table-model-shapes.js';
import { f32, i32, u8, u32 } from '../../src/layout.js';
import { guardedViews } from '../support/guarded-arrays.js';
import { uniform } from '../support/property.js';

const CELL_BITS = 8;
const APM_BITS = 4;
const MODELS = 2;
const ROWS = 300;
const BYTES = 4096;

const types = {
  cells: u32(2 << CELL_BITS),
  maps: f32(MODELS, CONTEXTS, MAP_PLACES),
  mapCounts: u8(2 * MODELS * CONTEXTS * MAP_PLACES),
  weights: f32(ROWS, TABLE_SHAPES.INPUTS),
  finals: f32(ROWS, TABLE_SHAPES.SETS),
  apms: f32(TABLE_SHAPES.APMS << APM_BITS, TABLE_SHAPES.APM_STEPS),
  constants: f32(START.length),
  histories: u8(3 * STATES),
  request: i32(REQUEST.length),
  extras: f32(TABLE_SHAPES.EXTRAS),
  inputs: f32(TABLE_SHAPES.INPUTS),
  slots: i32(TABLE_SHAPES.SLOTS),
  coder: u32(CODER.length),
  bytes: u8(BYTES),
};

/** A model whose requests follow from a seed; the few contexts and cells make them meet, and be replaced. */
function model(backend: Backend) {
  const { kernels, arrays, untouched } = guardedViews(tableModelKernels, types, backend, 'slots');
  const v = arrays;
  for (const [name, array] of Object.entries(v))
    if (!['inputs', 'slots'].includes(name)) (array as Uint8Array).fill(0);
  v.constants.set(tableConstants());
  v.histories.set(tableHistories());
  const counts = new Uint16Array(v.mapCounts.buffer, v.mapCounts.byteOffset, v.mapCounts.length / 2);
  const step = (random: () => number, given: number) => {
    const count = 3 + Math.floor(random() * (CONTEXTS - 3));
    v.request.set([count, Math.floor(random() * count), 3, Math.floor(random() * 9)]);
    for (let i = 0; i < 4; i++) v.request[REQUEST.rows + i] = Math.floor(random() * 40);
    v.request.set([0, 1, 2, random() < 0.5 ? -1 : 60], REQUEST.confident);
    v.request.set([1, 2, -1], REQUEST.apmContexts);
    v.request[REQUEST.model] = random() < 0.5 ? 0 : 1;
    for (let i = 0; i < count; i++) {
      v.request[REQUEST.hashes + i] = Math.floor(random() * 12) * 0x1234567;
      v.request[REQUEST.parents + i] = i - 1;
    }
    for (let i = 0; i < 3; i++) v.extras[i] = random() * 4 - 2;
    return kernels.tableBit(
      v.cells,
      v.maps,
      counts,
      v.weights,
      v.finals,
      v.apms,
      v.constants,
      v.histories,
      v.request,
      v.extras,
      v.inputs,
      v.slots,
      v.coder,
      v.bytes,
      CELL_BITS,
      APM_BITS,
      0.02,
      0.002,
      given,
    );
  };
  return { v, step, untouched };
}

/** One zero in twenty: about 0.29 bits each. */
const bitAt = (random: () => number) => (random() < 0.95 ? 1 : 0);

function encoded(backend: Backend, decisions: number) {
  const { v, step, untouched } = model(backend);
  v.coder.set([0, 0xffffffff, 0, 0, BYTES, 0]);
  const [random, bits] = [uniform(1), uniform(2)];
  for (let i = 0; i < decisions; i++) step(random, bitAt(bits));
  return { v, untouched };
}

describe('table model', () => {
  it('has a twin with the same bits in every array, and touches nothing else', () => {
    const wasm = encoded('wasm', 700);
    const twin = encoded('typescript', 700);
    expect(wasm.untouched()).toBe(true);
    expect(twin.untouched()).toBe(true);
    for (const name of Object.keys(types) as (keyof typeof types)[]) {
      if (name === 'inputs' || name === 'slots') continue;
      const [a, b] = [wasm.v[name], twin.v[name]];
      const same = Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
        Buffer.from(b.buffer, b.byteOffset, b.byteLength),
      );
      expect(same, name).toBe(true);
    }
    expect(wasm.v.coder[CODER.position]).toBeGreaterThan(20);
  });

  it('decodes what it encoded, and codes predictable bits in less than they are', () => {
    const decisions = 2000;
    const { v } = encoded('wasm', decisions);
    const length = v.coder[CODER.position]! + 1;
    expect(length).toBeLessThan(decisions / 8);
    const decoder = model('wasm');
    decoder.v.bytes.set(v.bytes);
    decoder.v.bytes[length - 1] = v.coder[CODER.high]! >>> 24;
    const [a, b, c, d] = decoder.v.bytes;
    decoder.v.coder.set([0, 0xffffffff, ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0, 4, length, 0]);
    const [random, bits] = [uniform(1), uniform(2)];
    for (let i = 0; i < decisions; i++) expect(decoder.step(random, -1)).toBe(bitAt(bits));
  });

  it('looks up logistic functions that are right to a millionth', () => {
    for (const x of [-11, -3.5, -0.01, 0, 1e-9, 2, 11]) {
      expect(logistic(x)).toBeCloseTo(1 / (1 + Math.exp(-x)), 9);
    }
    for (const x of [1e-12, 0.3, 1, 2.5, 1e9]) expect(logarithm(x)).toBeCloseTo(Math.log(x), 9);
    const constants = tableConstants();
    expect(constants[START.squash + 2048]).toBe(0.5);
    expect(constants.every(Number.isFinite)).toBe(true);
  });

  it('remembers histories whose counts follow the bits, and never leaves the 256 states', () => {
    const { next, zeros, ones } = bitHistories();
    let state = 0;
    for (let i = 0; i < 30; i++) state = next[2 * state + 1]!;
    expect(zeros[state]).toBe(0);
    expect(ones[state]).toBeGreaterThan(20);
    state = next[2 * state]!;
    expect(zeros[state]).toBe(1);
    expect(ones[state]).toBeLessThan(10);
    expect(new Set(next).size).toBeGreaterThan(200);
  });
});
