/**
 * Online softmax: one distribution over a whole stream of logits. Each row gets its share of all rows so far.
 *
 *   m_t = max(m_(t-1), x_t)      l_t = l_(t-1) e^(m_(t-1) - m_t) + e^(x_t - m_t)
 *   weight_t = e^(x_t - m_t) / l_t      lse_t = m_t + log l_t
 *
 * In      x  Float64 or Float32; -Infinity is the logit of what is left out
 * Out     weight, lse  Float64   one row per input row, same order
 * State   m, l float64, the largest logit and the sum of e^(x - m)   128 bytes
 * Cost    O(T) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-12
 * Nulls   an error that names the row; so are NaN and +Infinity
 * Differs while all logits are -Infinity, weight is 0 and lse -Infinity, not NaN
 * Source  Milakov, Gimelshein, Online normalizer calculation for softmax, 2018, arXiv:1805.02867
 */
import { defineOperator } from '../../src/define-operator.js';
import { log64 } from '../../src/kernels/log64.js';
import { exp64 } from '../../src/kernels/math.js';
import { f64, orMasked, startingAt } from '../../src/layout.js';

/** It has none. */
export type OnlineSoftmaxOptions = Readonly<Record<never, never>>;

/** e^(x - m), 0 where x is -Infinity, whatever m is. */
const powerFrom = (m: number, x: number) => (x === -Infinity ? 0 : exp64(x - m));

export const onlineSoftmax = defineOperator({
  name: 'onlineSoftmax',
  version: 1,
  summary: 'the share of each logit in a softmax over the whole stream so far',
  options: {},
  check: (_options: OnlineSoftmaxOptions) => ({}),
  inputs: () => ({ x: orMasked(f64()) }),
  outputs: () => ({ weight: f64(), lse: f64() }),
  layout: () => ({ m: startingAt(f64(1), -Infinity), l: f64(1) }),
  step({ state }, { numRows: T, x, weight, lse }) {
    let m = state.m[0]!;
    let l = state.l[0]!;
    for (let t = 0; t < T; t++) {
      const logit = x[t]!;
      const highest = Math.max(m, logit);
      const power = powerFrom(highest, logit);
      l = l * powerFrom(highest, m) + power;
      m = highest;
      weight[t] = l === 0 ? 0 : power / l;
      lse[t] = l === 0 ? -Infinity : m + log64(l);
    }
    state.m[0] = m;
    state.l[0] = l;
  },
  merge(a, b) {
    const m = Math.max(a.m[0]!, b.m[0]!);
    return { m: [m], l: [a.l[0]! * powerFrom(m, a.m[0]!) + b.l[0]! * powerFrom(m, b.m[0]!)] };
  },
  tolerance: 1e-12,
  examples: [{}],
});
