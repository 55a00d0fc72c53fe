/** A byte model in an arena of its own, with room for an input and an output. */
import {
  byteModelArrays,
  byteModelKernels,
  type ModelOptions,
  modelConstants,
  modelSlots,
} from '../../operators/compression/byte-model.js';
import { type Backend, openArena } from '../../src/kernels/kernel.js';
import { type AnyArray, aligned, type Dtype, layoutOf, u8, viewAt, viewsOf } from '../../src/layout.js';

const dtypeOf = (array: AnyArray): Dtype => {
  if (array instanceof Uint8Array) return 'u8';
  return array instanceof Int32Array ? 'i32' : 'f32';
};

export function openModel(options: ModelOptions, bytes: number, backend: Backend = 'wasm') {
  const layout = layoutOf(modelSlots(options));
  const room = layoutOf({ input: u8(bytes), output: u8(2 * bytes + 64) });
  const constants = modelConstants(options);
  const constantBytes = Object.values(constants).reduce((sum, array) => sum + aligned(array.byteLength), 0);
  const total = layout.byteLength + constantBytes + room.byteLength;
  const { buffer, base, kernels } = openArena(byteModelKernels, total, backend);
  let end = base + layout.byteLength;
  const place = <A extends AnyArray>(values: A): A => {
    const copy = viewAt(dtypeOf(values), buffer, end, values.length) as A;
    (copy as Uint8Array).set(values as Uint8Array);
    end += aligned(values.byteLength);
    return copy;
  };
  const state = viewsOf(layout, buffer, base);
  const arrays = byteModelArrays(state, {
    plan: place(constants.plan),
    rates: place(constants.rates),
    tables: place(constants.tables),
    histories: place(constants.histories),
  });
  kernels.startModel(...arrays);
  return { ...viewsOf(room, buffer, end), arrays, state, kernels };
}

/** One frame of all bytes, handed over in pieces of the given lengths. */
export function encode(
  bytes: Uint8Array,
  options: ModelOptions,
  backend?: Backend,
  pieces: readonly number[] = [bytes.length],
): Uint8Array {
  const { arrays, kernels, input, output } = openModel(options, bytes.length, backend);
  let at = 0;
  input.set(bytes);
  kernels.startFrame(...arrays);
  for (let from = 0, i = 0; from < bytes.length; i++) {
    const to = Math.min(from + pieces[i % pieces.length]!, bytes.length);
    at = kernels.encodeBytes(...arrays, input, from, to, output, at, output.length);
    from = to;
  }
  return output.slice(0, kernels.finishFrame(...arrays, output, at, output.length));
}

export function decode(
  coded: Uint8Array,
  length: number,
  options: ModelOptions,
  backend?: Backend,
  pieces: readonly number[] = [length],
): Uint8Array {
  const { arrays, kernels, input, output } = openModel(options, Math.max(length, coded.length), backend);
  input.set(coded);
  let read = kernels.startDecoding(...arrays, input, 0, coded.length);
  for (let from = 0, i = 0; from < length; i++) {
    const to = Math.min(from + pieces[i % pieces.length]!, length);
    read = kernels.decodeBytes(...arrays, input, read, coded.length, output, from, to);
    from = to;
  }
  return output.slice(0, length);
}
