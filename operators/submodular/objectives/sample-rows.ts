/**
 * A uniform sample of a table's rows: a ground set for objectives that need one.
 */
import { integer } from '../../../src/options.js';
import { nextBelow, seedRandom } from '../../../src/random.js';

export interface SampleRowsOptions {
  /** Numbers a row. */
  readonly dim: number;
  /** Rows to draw, 1 … 65536; all of them where there are not more. */
  readonly rows: number;
  /** Seed of the draw, a safe integer (default 0). */
  readonly seed?: number;
}

/** `rows` of the rows in `values`, each equally likely, in the order in which they stand there. */
export function sampleRows(values: ArrayLike<number>, options: SampleRowsOptions): Float32Array {
  const dim = integer({ dim: options.dim }, 1, 65536);
  const rows = integer({ rows: options.rows }, 1, 65536);
  const seed = integer({ seed: options.seed ?? 0 }, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const random = new Uint32Array(4);
  seedRandom(random, seed);
  const count = Math.floor(values.length / dim);
  const sample = new Float32Array(Math.min(rows, count) * dim);
  let taken = 0;
  for (let row = 0; row < count; row++) {
    const wanted = sample.length / dim - taken;
    if (nextBelow(random, count - row) >= wanted) continue;
    for (let d = 0; d < dim; d++) sample[taken * dim + d] = values[row * dim + d]!;
    taken++;
  }
  return sample;
}
