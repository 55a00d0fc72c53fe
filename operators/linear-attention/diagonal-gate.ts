/**
 * What linear attention with a gate for each key has in common: its slots, and how they settle.
 */
import { type diagonalGateKernels, GROUP_ROWS } from '../../src/kernels/diagonal-gate.js';
import { f32, f64, i32, startingAt, type Views } from '../../src/layout.js';
import type { checkMatrix } from './constant-decay.js';

type Matrix = ReturnType<typeof checkMatrix>;

/** S as of the start of the open chunk, the rows of that chunk, and the decays of both. */
export const diagonalGateLayout = ({ heads: H, keyDim: K, valueDim: V, chunkRows: C }: Matrix) => ({
  S: f32(H, K, V),
  decay: startingAt(f32(H, K), 1),
  keys: f32(H, K, C),
  values: f32(H, C, V),
  groupKeys: f32(H, GROUP_ROWS, K),
  groupDecay: startingAt(f32(H, K), 1),
  chunkDecay: startingAt(f32(H, K), 1),
  rows: f64(1),
  position: i32(1),
});

interface Settling {
  readonly options: Matrix;
  readonly state: Views<ReturnType<typeof diagonalGateLayout>>;
  readonly kernels: (typeof diagonalGateKernels)['twins'];
}

export function settleDiagonal({ options, state, kernels }: Settling): void {
  const { heads: H, keyDim: K, valueDim: V, chunkRows: C } = options;
  const { S, keys, values, groupKeys, groupDecay, chunkDecay, decay, position } = state;
  const slots = [S, keys, values, groupKeys, groupDecay, chunkDecay, decay] as const;
  kernels.settleDiagonalGate(...slots, H, K, V, C, position[0]!);
}
