/**
 * Gated recurrence (HGRN): every element is a memory of its own, which each row fades by a gate and adds to. With a
 * constant gate, and x times 1 - e^g, it is exponential smoothing.
 *
 *   h_t = e^(g_t) h_(t-1) + x_t
 *   o_t = h_t
 *
 * In      x, g  FixedSizeList<Float32>[D], g <= 0 (natural log)
 * Out     o     FixedSizeList<Float32>[D]   one row per input row, same order
 * State   h [D] float32 and the sum of g [D] float64, for merging   about 12 D bytes
 * Cost    O(T D) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6; where a state remembers n rows, up to 3e-8 n, as each row rounds it
 * Nulls   an error that names the row; so are NaN, infinities and g > 0
 * Differs x is taken as it comes: the model's own 1 - e^g, its lower bounds on g and its output gate are left to the caller
 * Source  Qin, Yang, Zhong, Hierarchically Gated Recurrent Neural Network, 2023, arXiv:2311.04823
 */
import { defineOperator } from '../../src/define-operator.js';
import { exp64 } from '../../src/kernels/math.js';
import { scanKernels } from '../../src/kernels/scan.js';
import { atMost, f32, f64, i32 } from '../../src/layout.js';
import { integer } from '../../src/options.js';

export interface HgrnOptions {
  /** Width D of a row, 1 … 65536. */
  readonly dim: number;
}

export const hgrn = defineOperator({
  name: 'hgrn',
  version: 1,
  summary: 'a memory for each element, which every row fades by a gate and adds to',
  kernels: scanKernels,
  options: { dim: 'width D of a row, 1 … 65536' },
  check: ({ dim }: HgrnOptions) => ({ dim: integer({ dim }, 1, 65536) }),
  inputs: ({ dim: D }) => ({ x: f32(D), g: atMost(f32(D), 0) }),
  outputs: ({ dim: D }) => ({ o: f32(D) }),
  layout: ({ dim: D }) => ({ h: f32(D), logDecay: f64(D), position: i32(1) }),
  step({ options: { dim }, state: { h, logDecay, position }, kernels }, { numRows: T, x, g, o }) {
    kernels.gatedScan(h, logDecay, x, g, o, T, dim, position[0]!);
    position[0] = (position[0]! + T) % 256;
  },
  merge: (a, b) => ({
    h: a.h.map((value, d) => exp64(b.logDecay[d]!) * value + b.h[d]!),
    logDecay: a.logDecay.map((sum, d) => sum + b.logDecay[d]!),
  }),
  tolerance: 1e-6,
  examples: [{ dim: 5 }, { dim: 16 }, { dim: 37 }],
});
