/**
 * Attention and softmax in other JavaScript runtimes, on one thread unless said otherwise. Their tensors are made
 * outside of what is timed, in the order of axes that each of them likes best; making them is not counted.
 */
import { nodeModel, type TensorInfo } from './onnx-model.js';
import { type Peer, peer } from './peers.js';
import { openTfjs } from './tfjs.js';

export interface Shape {
  readonly heads: number;
  readonly width: number;
}

/** Packed rows [T, H*D]. */
export interface Rows {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

interface OnnxTensor {
  readonly data: Float32Array;
}

interface Onnx {
  readonly Tensor: new (
    type: 'float32' | 'int32',
    data: Float32Array | Int32Array,
    shape: readonly number[],
  ) => OnnxTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<{ readonly o: OnnxTensor }> }>;
  };
}

const settings = (threads: number) => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
});

const openOnnx = () => peer<Onnx>('onnxruntime-node');

const rowsOf = (x: Float32Array, { heads, width }: Shape) => x.length / (heads * width);

/** Rows `from` … `from + count − 1` as [H, count, D]; rows before the first are zeros. */
function byHead(x: Float32Array, { heads: H, width: D }: Shape, from: number, count: number): Float32Array {
  const result = new Float32Array(H * count * D);
  for (let t = Math.max(0, -from); t < count; t++) {
    for (let h = 0; h < H; h++) {
      const at = ((from + t) * H + h) * D;
      result.set(x.subarray(at, at + D), (h * count + t) * D);
    }
  }
  return result;
}

const O: readonly TensorInfo[] = [{ name: 'o', shape: ['a', 'b', 'c', 'd'] }];

/** `Attention` of ONNX 23: all queries over all keys. */
export async function onnxAttention(rows: Rows, shape: Shape, threads = 1): Promise<Peer | undefined> {
  const onnx = await openOnnx();
  if (onnx === undefined) return undefined;
  const { heads: H, width: D } = shape;
  const names = ['q', 'k', 'v'] as const;
  const sizes = names.map((name) => [1, H, rowsOf(rows[name], shape), D]);
  const model = nodeModel({
    operator: 'Attention',
    domain: '',
    standard: 23,
    inputs: names.map((name, i) => ({ name, shape: sizes[i]! })),
    inputNames: [...names],
    outputs: O,
    attributes: { scale: D ** -0.5 },
  });
  const session = await onnx.InferenceSession.create(model, settings(threads));
  const feeds = Object.fromEntries(
    names.map((name, i) => [
      name,
      new onnx.Tensor('float32', byHead(rows[name], shape, 0, sizes[i]![2]!), sizes[i]!),
    ]),
  );
  return async () => (await session.run(feeds)).o.data;
}

/** `com.microsoft.MultiHeadAttention`: the same from packed rows. */
export async function onnxMultiHead(rows: Rows, shape: Shape, threads = 1): Promise<Peer | undefined> {
  const onnx = await openOnnx();
  if (onnx === undefined) return undefined;
  const { heads: H, width: D } = shape;
  const names = ['q', 'k', 'v'] as const;
  const model = nodeModel({
    operator: 'MultiHeadAttention',
    domain: 'com.microsoft',
    inputs: names.map((name) => ({ name, shape: [1, rowsOf(rows[name], shape), H * D] })),
    inputNames: [...names],
    outputs: [{ name: 'o', shape: ['a', 'b', 'c'] }],
    attributes: { num_heads: H },
  });
  const session = await onnx.InferenceSession.create(model, settings(threads));
  const feeds = Object.fromEntries(
    names.map((name) => [
      name,
      new onnx.Tensor('float32', rows[name], [1, rowsOf(rows[name], shape), H * D]),
    ]),
  );
  return async () => (await session.run(feeds)).o.data;
}

/** Which of a block's keys (the window before it, and its own) each of its queries sees: 0, or far below all logits. */
function windowMask(block: number, window: number): Float32Array {
  const keys = block + window;
  return Float32Array.from({ length: block * keys }, (_, at) => {
    const [i, j] = [Math.floor(at / keys), at % keys];
    return j > i && j <= i + window ? 0 : -1e30;
  });
}

/** A sliding window by hand: blocks of queries, each over its own keys and a mask. Gives the output of the last block. */
export async function onnxWindow(
  rows: Rows,
  shape: Shape,
  window: number,
  block: number,
  threads = 1,
): Promise<Peer | undefined> {
  const onnx = await openOnnx();
  if (onnx === undefined) return undefined;
  const { heads: H, width: D } = shape;
  const keys = block + window;
  const model = nodeModel({
    operator: 'Attention',
    domain: '',
    standard: 23,
    inputs: [
      { name: 'q', shape: [1, H, block, D] },
      { name: 'k', shape: [1, H, keys, D] },
      { name: 'v', shape: [1, H, keys, D] },
      { name: 'mask', shape: [block, keys] },
    ],
    inputNames: ['q', 'k', 'v', 'mask'],
    outputs: O,
    attributes: { scale: D ** -0.5 },
  });
  const session = await onnx.InferenceSession.create(model, settings(threads));
  const mask = new onnx.Tensor('float32', windowMask(block, window), [block, keys]);
  const tensor = (x: Float32Array, from: number, count: number) =>
    new onnx.Tensor('float32', byHead(x, shape, from, count), [1, H, count, D]);
  const feeds = Array.from({ length: rowsOf(rows.q, shape) / block }, (_, i) => ({
    q: tensor(rows.q, i * block, block),
    k: tensor(rows.k, i * block - window, keys),
    v: tensor(rows.v, i * block - window, keys),
    mask,
  }));
  return async () => {
    let output = new Float32Array();
    for (const feed of feeds) output = (await session.run(feed)).o.data as Float32Array<ArrayBuffer>;
    return output;
  };
}

/** `com.microsoft.GroupQueryAttention` with a window of its own. */
export async function onnxGroupQuery(
  rows: Rows,
  shape: Shape,
  window: number,
  threads = 1,
): Promise<Peer | undefined> {
  const onnx = await openOnnx();
  if (onnx === undefined) return undefined;
  const { heads: H, width: D } = shape;
  const T = rowsOf(rows.q, shape);
  const packed = (name: string) => ({ name, shape: [1, T, H * D] });
  const past = (name: string) => ({ name, shape: [1, H, 0, D] });
  const model = nodeModel({
    operator: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [
      packed('q'),
      packed('k'),
      packed('v'),
      past('pastK'),
      past('pastV'),
      { name: 'lengths', shape: [1], integers: true },
      { name: 'total', shape: [1], integers: true },
    ],
    inputNames: ['q', 'k', 'v', 'pastK', 'pastV', 'lengths', 'total'],
    outputs: [
      { name: 'o', shape: [1, T, H * D] },
      ...['presentK', 'presentV'].map((name) => ({ name, shape: [1, H, T, D] })),
    ],
    attributes: { num_heads: H, kv_num_heads: H, local_window_size: window },
  });
  const session = await onnx.InferenceSession.create(model, settings(threads));
  const float = (x: Float32Array, sizes: readonly number[]) => new onnx.Tensor('float32', x, sizes);
  const feeds = {
    q: float(rows.q, [1, T, H * D]),
    k: float(rows.k, [1, T, H * D]),
    v: float(rows.v, [1, T, H * D]),
    pastK: float(new Float32Array(), [1, H, 0, D]),
    pastV: float(new Float32Array(), [1, H, 0, D]),
    lengths: new onnx.Tensor('int32', Int32Array.of(T - 1), [1]),
    total: new onnx.Tensor('int32', Int32Array.of(T), [1]),
  };
  return async () => (await session.run(feeds)).o.data;
}

export async function onnxSoftmax(x: Float32Array): Promise<Peer | undefined> {
  const onnx = await openOnnx();
  if (onnx === undefined) return undefined;
  const shape = [1, x.length];
  const model = nodeModel({
    operator: 'Softmax',
    domain: '',
    inputs: [{ name: 'x', shape }],
    inputNames: ['x'],
    outputs: [{ name: 'o', shape }],
    attributes: { axis: 1 },
  });
  const session = await onnx.InferenceSession.create(model, settings(1));
  const feeds = { x: new onnx.Tensor('float32', x, shape) };
  return async () => (await session.run(feeds)).o.data;
}

/** softmax(q kᵀ) v of all queries over all keys, in TensorFlow.js. */
export async function tfjsAttention(rows: Rows, shape: Shape): Promise<Peer | undefined> {
  const tf = await openTfjs();
  if (tf === undefined) return undefined;
  const { heads: H, width: D } = shape;
  const [q, k, v] = [rows.q, rows.k, rows.v].map((x) => {
    const T = rowsOf(x, shape);
    return tf.tensor(byHead(x, shape, 0, T), [H, T, D]);
  });
  return () => {
    const output = tf.tidy(() =>
      tf.matMul(tf.softmax(tf.mul(tf.matMul(q!, k!, false, true), D ** -0.5)), v!),
    );
    const data = output.dataSync();
    output.dispose();
    return data;
  };
}

/** The window by hand as in `onnxWindow`. */
export async function tfjsWindow(
  rows: Rows,
  shape: Shape,
  window: number,
  block: number,
): Promise<Peer | undefined> {
  const tf = await openTfjs();
  if (tf === undefined) return undefined;
  const { heads: H, width: D } = shape;
  const keys = block + window;
  const mask = tf.tensor(windowMask(block, window), [1, block, keys]);
  const tensor = (x: Float32Array, from: number, count: number) =>
    tf.tensor(byHead(x, shape, from, count), [H, count, D]);
  const feeds = Array.from({ length: rowsOf(rows.q, shape) / block }, (_, i) => ({
    q: tensor(rows.q, i * block, block),
    k: tensor(rows.k, i * block - window, keys),
    v: tensor(rows.v, i * block - window, keys),
  }));
  return () => {
    let data = new Float32Array();
    for (const { q, k, v } of feeds) {
      const output = tf.tidy(() => {
        const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), D ** -0.5), mask);
        return tf.matMul(tf.softmax(scores), v);
      });
      data = output.dataSync() as Float32Array<ArrayBuffer>;
      output.dispose();
    }
    return data;
  };
}

export async function tfjsSoftmax(x: Float32Array): Promise<Peer | undefined> {
  const tf = await openTfjs();
  if (tf === undefined) return undefined;
  const tensor = tf.tensor(x, [1, x.length]);
  return () => {
    const output = tf.softmax(tensor);
    const data = output.dataSync();
    output.dispose();
    return data;
  };
}
