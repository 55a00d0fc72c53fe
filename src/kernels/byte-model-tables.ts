/**
 * Tables of the byte model that no option changes: bit histories, logits, sigmoids and reciprocals.
 */
import { log32, sigmoid32 } from './math.js';

const { fround } = Math;

export const STATES = 256;
const STRETCH_ENTRIES = 4096;
const SIGMOID_STEPS = 4096;
const RECIPROCALS = 1024;
/** The reciprocal of this count is 0: it is that of what never changes. */
export const NEVER = RECIPROCALS - 1;

/** Where each table begins. */
export const Tables = {
  stretch: 0,
  sigmoid: STRETCH_ENTRIES,
  reciprocal: STRETCH_ENTRIES + SIGMOID_STEPS + 4,
  prior: STRETCH_ENTRIES + SIGMOID_STEPS + 4 + RECIPROCALS,
  certainty: STRETCH_ENTRIES + SIGMOID_STEPS + 4 + RECIPROCALS + STATES,
  end: STRETCH_ENTRIES + SIGMOID_STEPS + 4 + RECIPROCALS + 2 * STATES,
} as const;

/** How many zeros and ones a bit history stands for. */
interface Counts {
  readonly zeros: number;
  readonly ones: number;
}

/** The longest bit strings that are kept whole; longer ones are two counts and the last bit. */
const STRING_BITS = 3;
/** Up to so many bits, histories with different last bits are told apart. */
const LAST_BIT_TOTAL = 12;
/** The most that the larger count can be, for each smaller one. */
const LARGER_MOST = [40, 30, 12, 8, 6, 5];

const isKept = (zeros: number, ones: number): boolean =>
  Math.max(zeros, ones) <= (LARGER_MOST[Math.min(zeros, ones)] ?? -1);

/** What is left of a count when the other bit comes: what is long ago matters less. */
function discounted(count: number): number {
  if (count > 25) return 6;
  if (count > 9) return 5;
  if (count > 5) return 4;
  if (count > 3) return 3;
  return count === 3 ? 2 : count;
}

const keyOf = (zeros: number, ones: number, last: number): string => `${zeros} ${ones} ${last}`;

/** The histories longer than a string, numbered behind the strings. */
function countedHistories(): { counts: Counts[]; stateOf: Map<string, number> } {
  const counts: Counts[] = [];
  const stateOf = new Map<string, number>();
  const first = 2 ** (STRING_BITS + 1) - 1;
  const most = LARGER_MOST[0]!;
  for (let total = STRING_BITS + 1; total <= 2 * most; total++) {
    for (let zeros = Math.max(0, total - most); zeros <= Math.min(total, most); zeros++) {
      const ones = total - zeros;
      if (!isKept(zeros, ones)) continue;
      if (zeros > 0) stateOf.set(keyOf(zeros, ones, 0), first + counts.push({ zeros, ones }) - 1);
      if (ones === 0) continue;
      const shared = total > LAST_BIT_TOTAL ? stateOf.get(keyOf(zeros, ones, 0)) : undefined;
      stateOf.set(keyOf(zeros, ones, 1), shared ?? first + counts.push({ zeros, ones }) - 1);
    }
  }
  return { counts, stateOf };
}

/** The counts after one more bit, brought back into what is kept by lowering the count that tells less. */
function countsAfter({ zeros, ones }: Counts, bit: number): Counts {
  const counts = bit === 1 ? [discounted(zeros), ones + 1] : [discounted(ones), zeros + 1];
  let [other, same] = counts as [number, number];
  while (!isKept(other, same)) {
    if (other > 0 && same <= other + 1) other--;
    else same--;
  }
  return bit === 1 ? { zeros: other, ones: same } : { zeros: same, ones: other };
}

function bitHistories() {
  const { counts: longer, stateOf } = countedHistories();
  const counts: Counts[] = [];
  for (let bits = 0; bits <= STRING_BITS; bits++) {
    for (let string = 0; string < 2 ** bits; string++) {
      const ones = string.toString(2).replaceAll('0', '').length;
      counts.push({ zeros: bits - ones, ones });
    }
  }
  const all = [...counts, ...longer];
  const strings = 2 ** STRING_BITS - 1;
  const next = (state: number, bit: number): number => {
    if (state < strings) return 2 * state + 1 + bit;
    const { zeros, ones } =
      state < counts.length
        ? { zeros: all[state]!.zeros + 1 - bit, ones: all[state]!.ones + bit }
        : countsAfter(all[state]!, bit);
    return stateOf.get(keyOf(zeros, ones, bit)) ?? state;
  };
  return { counts: all, next };
}

/** Where the next states and the totals begin in the table of histories. */
export const Histories = { next: 0, total: 2 * STATES, end: 3 * STATES } as const;

/** histories: the state after a 0 and a 1 [256, 2], then how many bits each stands for [256]. */
export function historyTable(): Uint8Array {
  const table = new Uint8Array(Histories.end);
  const { counts, next } = bitHistories();
  counts.forEach(({ zeros, ones }, state) => {
    table[Histories.next + 2 * state] = next(state, 0);
    table[Histories.next + 2 * state + 1] = next(state, 1);
    table[Histories.total + state] = zeros + ones;
  });
  return table;
}

/** A history of one kind of bits alone tells more than its counts: how much its logit counts again. */
const certaintyOf = ({ zeros, ones }: Counts): number => {
  if (zeros > 0 && ones > 0) return 0;
  return zeros + ones > 3 ? 0.5 : (zeros + ones) / 8;
};

/** The float tables one behind another, as `Tables` says. */
export function floatTables(): Float32Array {
  const table = new Float32Array(Tables.end);
  for (let i = 0; i < STRETCH_ENTRIES; i++) {
    const above = Math.min(Math.max(i, 0.5), STRETCH_ENTRIES - 1.5);
    table[Tables.stretch + i] = log32(fround(above / (STRETCH_ENTRIES - 1 - above)));
  }
  for (let i = 0; i < SIGMOID_STEPS + 4; i++) {
    table[Tables.sigmoid + i] = sigmoid32(fround((i - SIGMOID_STEPS / 2) / 170));
  }
  for (let i = 0; i < NEVER; i++) table[Tables.reciprocal + i] = 1 / (i + 1.5);
  const { counts } = bitHistories();
  counts.forEach((count, state) => {
    table[Tables.prior + state] = (count.ones + 0.4) / (count.zeros + count.ones + 0.8);
    table[Tables.certainty + state] = certaintyOf(count);
  });
  return table;
}
