/**
 * Queries that are known beforehand, as kernels take them.
 */
import { packQuery } from '../../src/kernels/attention-block.js';
import { fillFactors } from './bias.js';
import { type Attention, rankOf, shapeOf } from './heads.js';

/** Queries [N, H K] as [H, N, K + R]: scaled, with the factors of the bias behind, each head's one behind the other. */
export function packedQueries(options: Attention, queries: ArrayLike<number>): Float32Array {
  const { heads: H, keyDim: K, bias } = options;
  const [N, R] = [queries.length / (H * K), rankOf(options)];
  const shape = shapeOf(options);
  const packed = new Float32Array(H * N * (K + R));
  const phiQ = new Float32Array(N * H * R);
  fillFactors('phiQ', bias, H, 0, N, phiQ);
  const q = Float32Array.from(queries);
  for (let i = 0; i < N; i++) {
    for (let h = 0; h < H; h++) {
      const at = i * H + h;
      packQuery(q, at * K, phiQ, at * R, shape, packed, (h * N + i) * (K + R));
    }
  }
  return packed;
}
