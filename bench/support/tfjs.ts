/**
 * TensorFlow.js on its WebAssembly backend.
 */
import { dirname } from 'node:path';
import { fileOfPeer, peer } from './peers.js';

export interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}

type Shape = readonly number[];

/** The part of @tensorflow/tfjs-core that is used here. */
export interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array, shape: Shape): Tensor;
  zeros(shape: Shape): Tensor;
  tidy<R>(run: () => R): R;
  reshape(x: Tensor, shape: Shape): Tensor;
  transpose(x: Tensor, order: Shape): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  softmax(x: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  neg(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  minimum(a: Tensor, b: number): Tensor;
  cumsum(x: Tensor, axis: number): Tensor;
  slice(x: Tensor, begin: Shape, size: Shape): Tensor;
  stack(parts: readonly Tensor[], axis: number): Tensor;
  unstack(x: Tensor, axis: number): Tensor[];
}

interface Backend {
  setWasmPaths(directory: string): void;
  setThreadsCount(threads: number): void;
}

const WASM = '@tensorflow/tfjs-backend-wasm';

/** TensorFlow.js on its WebAssembly backend with one thread, or undefined where it is not installed. */
export async function openTfjs(): Promise<Tfjs | undefined> {
  const core = await peer<Tfjs>('@tensorflow/tfjs-core');
  const backend = core && (await peer<Backend>(WASM));
  if (core === undefined || backend === undefined) return undefined;
  backend.setWasmPaths(`${dirname(fileOfPeer(`${WASM}/dist/tfjs-backend-wasm-simd.wasm`))}/`);
  backend.setThreadsCount(1);
  if (!(await core.setBackend('wasm'))) throw new Error('tfjs: the wasm backend does not start');
  return core;
}
