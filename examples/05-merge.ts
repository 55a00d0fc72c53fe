/**
 * States that merge: two halves of a stream run apart, in any order and on any machine, and become one.
 *
 * Prints:
 *   S has 512 numbers; merged from two halves they differ by less than 1e-5: true
 */
import { applyTo, f32, fromColumns, linearAttention, nextUnit, seedRandom } from 'chunkwise';

const heads = 4;
const keyDim = 16;
const valueDim = 8;
const T = 5000;

const random = new Uint32Array(4);
seedRandom(random, 7);
const column = (width: number) => ({
  type: f32(width),
  values: Float32Array.from({ length: T * width }, () => nextUnit(random) - 0.5),
});
const batch = fromColumns({
  q: column(heads * keyDim),
  k: column(heads * keyDim),
  v: column(heads * valueDim),
});

const attention = linearAttention({ heads, keyDim, valueDim });
const whole = applyTo(batch, attention).finalState;
const first = applyTo(batch.slice(0, 2000), attention).finalState;
const second = applyTo(batch.slice(2000, T), attention).finalState;
const merged = attention.merge(first, attention.stateFrom(second.toBytes()));

const [S, M] = [whole.slot('S') as Float32Array, merged.slot('S') as Float32Array];
const squares = (of: (i: number) => number) => S.reduce((sum, _, i) => sum + of(i) ** 2, 0);
const error = Math.sqrt(squares((i) => S[i]! - M[i]!) / squares((i) => S[i]!));
console.log(
  `S has ${S.length} numbers; merged from two halves they differ by less than 1e-5: ${error < 1e-5}`,
);
