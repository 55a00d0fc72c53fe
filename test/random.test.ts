import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextBelow, nextNormal, nextUint32, nextUnit, randomSlot, seedRandom } from '../src/random.js';
import { campaign } from './support/property.js';

function generator(seed: number, stream?: number): Uint32Array {
  const slot = new Uint32Array(randomSlot().length);
  seedRandom(slot, seed, stream);
  return slot;
}

const draw = (slot: Uint32Array, count: number) => Array.from({ length: count }, () => nextUint32(slot));

/** PCG32 in 64-bit integers, as it is published. */
function* reference(seed: bigint, stream: bigint): Generator<number> {
  const mask = (1n << 64n) - 1n;
  const increment = ((stream << 1n) | 1n) & mask;
  let state = 0n;
  const advance = () => {
    const old = state;
    state = (old * 6364136223846793005n + increment) & mask;
    const xorShifted = Number((((old >> 18n) ^ old) >> 27n) & 0xffffffffn);
    const rotation = Number(old >> 59n);
    return ((xorShifted >>> rotation) | (xorShifted << (-rotation & 31))) >>> 0;
  };
  advance();
  state = (state + seed) & mask;
  advance();
  for (;;) yield advance();
}

describe('the seeded generator', () => {
  it('draws what the reference program prints for seed 42 of stream 54', () => {
    const drawn = draw(generator(42, 54), 6).map((n) => n.toString(16));
    expect(drawn).toEqual(['a15c02b7', '7b47f409', 'ba1d3330', '83d2f293', 'bfa4784b', 'cbed606e']);
  });

  it('is PCG32 for every seed and stream', () => {
    const safe = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(safe, fc.nat(), (seed, stream) => {
        const expected = reference(BigInt.asUintN(64, BigInt(seed)), BigInt(stream));
        expect(draw(generator(seed, stream), 50)).toEqual(
          Array.from({ length: 50 }, () => expected.next().value),
        );
      }),
      campaign(5),
    );
  });

  it('goes on from a copy of its slot as if nothing had happened', () => {
    const slot = generator(7);
    draw(slot, 13);
    const copy = slot.slice();
    expect(draw(copy, 20)).toEqual(draw(slot, 20));
  });

  it('gives units in [0, 1) that are multiples of 2^-32', () => {
    const [units, integers] = [generator(3), generator(3)];
    for (let i = 0; i < 1000; i++) {
      const unit = nextUnit(units);
      expect(unit).toBe(nextUint32(integers) / 2 ** 32);
      expect(unit).toBeLessThan(1);
    }
  });

  it('gives each integer below the bound equally often', () => {
    const slot = generator(5);
    for (const bound of [1, 2, 3, 10]) {
      const counts = new Array<number>(bound).fill(0);
      for (let i = 0; i < 6000 * bound; i++) counts[nextBelow(slot, bound)]!++;
      for (const count of counts) expect(Math.abs(count - 6000)).toBeLessThan(400);
    }
  });

  it('draws again what would favour small numbers', () => {
    const bound = 3 * 2 ** 30;
    const slot = generator(11);
    const integers = generator(11);
    const fair = Array.from({ length: 50 }, () => {
      for (;;) {
        const drawn = nextUint32(integers);
        if (drawn >= 2 ** 32 - bound) return drawn % bound;
      }
    });
    expect(Array.from({ length: 50 }, () => nextBelow(slot, bound))).toEqual(fair);
    expect(nextBelow(generator(1), 2 ** 32)).toBe(nextUint32(generator(1)));
  });

  it('gives normal numbers: mean 0, variance 1, and the tails that belong to them', () => {
    const slot = generator(9);
    const drawn = Array.from({ length: 40000 }, () => nextNormal(slot));
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    const beyond = (bound: number) => drawn.filter((x) => Math.abs(x) > bound).length / drawn.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
    expect(Math.abs(beyond(1) - 0.3173)).toBeLessThan(0.01);
    expect(Math.abs(beyond(3) - 0.0027)).toBeLessThan(0.0015);
  });
});
