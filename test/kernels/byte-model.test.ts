import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  byteModelArrays,
  byteModelKernels,
  type ModelOptions,
  modelConstants,
  modelSlots,
} from '../../operators/compression/byte-model.js';
import { type Backend, openArena } from '../../src/kernels/kernel.js';
import { type AnyArray, aligned, layoutOf, u8, viewsOf } from '../../src/layout.js';

const text = readFileSync(new URL('../../node_modules/vega-datasets/data/movies.json', import.meta.url));

/** A model with room for an input and an output of `bytes`. */
function open(options: ModelOptions, bytes: number, backend: Backend = 'wasm') {
  const layout = layoutOf(modelSlots(options));
  const constants = modelConstants(options);
  const room = layoutOf({ input: u8(bytes), output: u8(bytes + 64) });
  const constantBytes = Object.values(constants).reduce((sum, array) => sum + aligned(array.byteLength), 0);
  const arena = openArena(byteModelKernels, layout.byteLength + room.byteLength + constantBytes, backend);
  const state = viewsOf(layout, arena.buffer, arena.base);
  let end = arena.base + layout.byteLength;
  const inArena = Object.fromEntries(
    Object.entries(constants as Record<string, AnyArray>).map(([name, values]) => {
      const copy = new (values.constructor as Float32ArrayConstructor)(arena.buffer, end, values.length);
      copy.set(values as Float32Array);
      end += aligned(values.byteLength);
      return [name, copy];
    }),
  ) as unknown as typeof constants;
  const arrays = byteModelArrays(state, inArena);
  arena.kernels.startModel(...arrays);
  return { ...viewsOf(room, arena.buffer, end), arrays, state, kernels: arena.kernels };
}

function encode(bytes: Uint8Array, options: ModelOptions, backend?: Backend) {
  const { arrays, kernels, input, output } = open(options, bytes.length, backend);
  input.set(bytes);
  kernels.startFrame(...arrays);
  const at = kernels.encodeBytes(...arrays, input, 0, bytes.length, output, 0, output.length);
  return output.slice(0, kernels.finishFrame(...arrays, output, at, output.length));
}

function decode(coded: Uint8Array, length: number, options: ModelOptions, backend?: Backend) {
  const { arrays, kernels, input, output } = open(options, Math.max(length, coded.length), backend);
  input.set(coded);
  const from = kernels.startDecoding(...arrays, input, 0, coded.length);
  kernels.decodeBytes(...arrays, input, from, coded.length, output, 0, length);
  return output.slice(0, length);
}

describe('byte model', () => {
  it('decodes what it encoded, and the twin makes the same bytes', () => {
    const options = { level: 5, tableShift: 8 };
    const bytes = text.subarray(0, 20000);
    const coded = encode(bytes, options);
    expect(coded.length).toBeLessThan(bytes.length / 2);
    expect(decode(coded, bytes.length, options)).toEqual(new Uint8Array(bytes));
    expect(encode(bytes.subarray(0, 3000), options, 'typescript')).toEqual(
      encode(bytes.subarray(0, 3000), options),
    );
  });
});
