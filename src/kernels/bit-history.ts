/**
 * Bit histories: states of one byte that remember roughly how many zeros and ones came, and which came last.
 *
 * Up to three bits are remembered exactly. Behind them a state is (zeros, ones, last bit), within bounds: the more of one
 * kind, the fewer of the other. A bit counts its own kind up and discounts the other.
 */

const MOST_COUNT = 40;
/** With so many of the rarer bit, at most so many of the other. */
const BOUNDS = [40, 30, 12, 8, 6, 5];
const EXACT_STATES = 15;
/** Beyond so many bits the last one is forgotten. */
const LAST_BIT_MOST = 12;

export interface BitHistories {
  /** [2 · 256]: the state behind each state and bit. */
  readonly next: Uint8Array;
  readonly zeros: Uint8Array;
  readonly ones: Uint8Array;
}

const isAllowed = (zeros: number, ones: number) => {
  const bound = BOUNDS[Math.min(zeros, ones)];
  return bound !== undefined && Math.max(zeros, ones) <= bound;
};

const discounted = (count: number) => (count > 25 ? 6 : count > 9 ? 5 : count > 5 ? 4 : Math.min(count, 3));

export function bitHistories(): BitHistories {
  const next = new Uint8Array(512);
  const zeros = new Uint8Array(256);
  const ones = new Uint8Array(256);
  const states = counted(zeros, ones);
  const stateOf = (n0: number, n1: number, last: number) => states.get((n0 * 64 + n1) * 2 + last);
  for (let length = 0; length <= 3; length++) {
    for (let bits = 0; bits < 1 << length; bits++) {
      const state = (1 << length) - 1 + bits;
      ones[state] = (bits & 1) + ((bits >> 1) & 1) + (bits >> 2);
      zeros[state] = length - ones[state]!;
      for (let bit = 0; bit < 2; bit++) {
        next[2 * state + bit] =
          length < 3
            ? (2 << length) - 1 + bits * 2 + bit
            : stateOf(zeros[state]! + 1 - bit, ones[state]! + bit, bit)!;
      }
    }
  }
  for (let state = EXACT_STATES; state < 256; state++) {
    for (let bit = 0; bit < 2; bit++) {
      const [n0, n1] = counts(zeros[state]!, ones[state]!, bit);
      next[2 * state + bit] = stateOf(n0, n1, bit) ?? state;
    }
  }
  return { next, zeros, ones };
}

/** Numbers the states beyond three bits in order of how many bits they count. */
function counted(zeros: Uint8Array, ones: Uint8Array): Map<number, number> {
  const states = new Map<number, number>();
  let state = EXACT_STATES;
  for (let total = 4; total <= 2 * MOST_COUNT; total++) {
    for (let n0 = 0; n0 <= MOST_COUNT; n0++) {
      const n1 = total - n0;
      if (n1 < 0 || n1 > MOST_COUNT || !isAllowed(n0, n1)) continue;
      for (let last = 0; last < 2; last++) {
        if ((last === 0 ? n0 : n1) === 0) continue;
        const key = (n0 * 64 + n1) * 2;
        const isKnown = last === 1 && total > LAST_BIT_MOST && states.has(key);
        if (isKnown) states.set(key + 1, states.get(key)!);
        else if (state < 256) {
          states.set(key + last, state);
          zeros[state] = n0;
          ones[state++] = n1;
        }
      }
    }
  }
  return states;
}

/** The counts after one more bit, brought back within bounds. */
function counts(zeros: number, ones: number, bit: number): [number, number] {
  let own = (bit ? ones : zeros) + 1;
  let other = discounted(bit ? zeros : ones);
  while (!isAllowed(own, other)) {
    if (other > 0 && own <= other + 1) other--;
    else own--;
  }
  return bit ? [other, own] : [own, other];
}
