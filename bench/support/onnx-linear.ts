/**
 * The same recurrences in onnxruntime-node: `com.microsoft.LinearAttention` on one thread, state in and out.
 */
import { H, K, type Rule, type RuleRows, SCALE, V } from './linear-rules.js';
import { nodeModel, type TensorInfo } from './onnx-model.js';
import { type Peer, peer } from './peers.js';

interface Tensor {
  readonly data: Float32Array;
}

interface Onnx {
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>;
  };
}

interface Session {
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<'o' | 'state', Tensor>>;
}

const SETTINGS = { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' };

const STATE = [1, H, K, V] as const;

/** What the rule takes behind q, k, v and the state, in the operator's order; a role it has not is left out. */
function inputsOf({ gate, beta }: Rule): TensorInfo[] {
  const rows = (name: string, width: number) => ({ name, shape: [1, 'T', width] });
  return [
    rows('q', H * K),
    rows('k', H * K),
    rows('v', H * V),
    { name: 'past', shape: STATE },
    ...(gate === undefined ? [] : [rows('g', gate === 'key' ? H * K : H)]),
    ...(beta ? [rows('beta', H)] : []),
  ];
}

/** Steps through the rows again and again, its state going on. */
export async function onnxLinear(rule: Rule, rows: RuleRows, T: number): Promise<Peer | undefined> {
  const onnx = rule.update && (await peer<Onnx>('onnxruntime-node'));
  if (onnx === undefined) return undefined;
  const inputs = inputsOf(rule);
  const model = nodeModel({
    operator: 'LinearAttention',
    domain: 'com.microsoft',
    inputs,
    inputNames: ['q', 'k', 'v', 'past', rule.gate ? 'g' : '', ...(rule.beta ? ['beta'] : [])],
    outputs: [
      { name: 'o', shape: [1, 'T', H * V] },
      { name: 'state', shape: STATE },
    ],
    attributes: { q_num_heads: H, kv_num_heads: H, scale: SCALE, chunk_size: 64, update_rule: rule.update! },
  });
  const session = await onnx.InferenceSession.create(model, SETTINGS);
  const tensor = (data: Float32Array, shape: readonly number[]) => new onnx.Tensor('float32', data, shape);
  let past = tensor(new Float32Array(H * K * V), STATE);
  return async () => {
    const feeds: Record<string, Tensor> = { past };
    for (const { name } of inputs) {
      const data = rows[name];
      if (data !== undefined) feeds[name] = tensor(data, [1, T, data.length / T]);
    }
    const { o, state } = await session.run(feeds);
    past = state;
    return o.data;
  };
}
