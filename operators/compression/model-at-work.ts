/**
 * A byte model with its memory: the kernels bound to one state.
 */
import { type Arena, type Backend, openArena } from '../../src/kernels/kernel.js';
import { type ArrayTypes, aligned, type Layout, layoutOf, type Views, viewsOf } from '../../src/layout.js';
import {
  byteModelArrays,
  byteModelKernels,
  isModelStarted,
  type ModelOptions,
  modelConstants,
  modelSlots,
} from './byte-model.js';

export type ModelSlots = ReturnType<typeof modelSlots>;
export type ModelConstants = ReturnType<typeof modelConstants>;
export type ModelKernels = (typeof byteModelKernels)['twins'];

/** What the coding of frames asks of a model. All arrays lie in the model's arena. */
export interface ByteModel {
  /** Begins a frame. */
  start(): void;
  /** Codes `from` … `to - 1` of the input and answers where the output goes on; what is behind its end is counted only. */
  encode(input: Uint8Array, from: number, to: number, output: Uint8Array, at: number): number;
  /** Ends a frame and answers where the output goes on. */
  finish(output: Uint8Array, at: number): number;
  /** Begins to decode the first `to` bytes of the input, and answers how many were read. */
  startDecoding(input: Uint8Array, to: number): number;
  /** Decodes `outputFrom` … `outputTo - 1` and answers how far the input was read. */
  decode(
    input: Uint8Array,
    from: number,
    to: number,
    output: Uint8Array,
    outputFrom: number,
    outputTo: number,
  ): number;
  /** Learns from bytes that are not coded. */
  learn(input: Uint8Array, from: number, to: number): void;
}

/** Binds the kernels to a state, which is started where it has not been. */
export function byteModel(
  slots: Views<ModelSlots>,
  constants: ModelConstants,
  kernels: ModelKernels,
): ByteModel {
  const arrays = byteModelArrays(slots, constants);
  if (!isModelStarted(slots)) kernels.startModel(...arrays);
  return {
    start: () => kernels.startFrame(...arrays),
    encode: (input, from, to, output, at) =>
      kernels.encodeBytes(...arrays, input, from, to, output, at, output.length),
    finish: (output, at) => kernels.finishFrame(...arrays, output, at, output.length),
    startDecoding: (input, to) => kernels.startDecoding(...arrays, input, 0, to),
    decode: (input, from, to, output, outputFrom, outputTo) =>
      kernels.decodeBytes(...arrays, input, from, to, output, outputFrom, outputTo),
    learn: (input, from, to) => void kernels.learnBytes(...arrays, input, from, to),
  };
}

/** A model in an arena of its own, with further slots beside it. */
export interface OpenModel<S extends ArrayTypes> {
  readonly model: ByteModel;
  readonly slots: Views<S>;
  /** Forgets everything: as newly opened. */
  reset(): void;
  /** The state of model and slots, as `restore` takes it. */
  save(): Uint8Array;
  restore(bytes: Uint8Array): void;
}

export function openModel<S extends ArrayTypes>(
  options: ModelOptions,
  more: S,
  backend?: Backend,
): OpenModel<S> {
  const layout: Layout = layoutOf({ ...modelSlots(options), ...more });
  const constants = modelConstants(options);
  const constantsBytes = Object.values(constants).reduce(
    (sum, { byteLength }) => sum + aligned(byteLength),
    0,
  );
  const arena = openArena(byteModelKernels, layout.byteLength + constantsBytes, backend);
  const { buffer, base, kernels } = arena;
  const views = viewsOf(layout, buffer, base) as Views<ModelSlots & S>;
  const copies = copyInto(arena, base + layout.byteLength, constants);
  const bytes = new Uint8Array(buffer, base, layout.byteLength);
  const bind = () => byteModel(views, copies, kernels);
  let model = bind();
  return {
    get model() {
      return model;
    },
    slots: views,
    reset() {
      bytes.fill(0);
      model = bind();
    },
    save: () => bytes.slice(),
    restore(saved) {
      bytes.set(saved);
      model = bind();
    },
  };
}

function copyInto({ buffer }: Arena, at: number, constants: ModelConstants): ModelConstants {
  let end = at;
  const copies = Object.entries(constants).map(([name, values]) => {
    const copy = new (values.constructor as Int32ArrayConstructor)(buffer, end, values.length);
    copy.set(values);
    end += aligned(values.byteLength);
    return [name, copy];
  });
  return Object.fromEntries(copies) as ModelConstants;
}
