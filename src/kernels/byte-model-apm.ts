/**
 * Adaptive probability maps: each corrects the mix by how such predictions turned out in a context of its own. The twin
 * of `byte-model-apm.h`.
 *
 * A row is a cache line [16]: probabilities at 15 logits, evenly spaced from -8 to 8, and a count that sets its rate.
 * Shapes: apms [apms, 2^apmBits, 16].
 */
import {
  clampTo,
  type Model,
  mixHash,
  nearest,
  Rate,
  reciprocal,
  tableIndex,
} from './byte-model-arithmetic.js';
import { nodeInHalf } from './byte-model-inputs.js';
import { APM_FLOATS, APMS_MOST, Register as R } from './byte-model-memory.js';
import type { Moment } from './byte-model-mixer.js';
import { sigmoid32 } from './math.js';

const { fround } = Math;

const BINS = APM_FLOATS - 1;
const COUNT = BINS;
const LIMIT = fround(7.999);
const BINS_PER_LOGIT = 0.875;
/** How much the mix itself counts beside each map. */
const MIX_WEIGHT = 2;

export interface Apms {
  readonly row: Uint32Array;
  bin: number;
  above: number;
}

export const newApms = (): Apms => ({ row: new Uint32Array(APMS_MOST), bin: 0, above: 0 });

const contexts: readonly ((r: Uint32Array, now: Moment) => number)[] = [
  (r) => r[R.last4]! & 0xff,
  (r) => r[R.last4]! & 0xffff,
  (_, { expected, match }) => expected | (match << 8),
  (r) => r[R.last4]! & 0xffffff,
  (r) => r[R.word]!,
  (_, { sixteenth }) => sixteenth,
  (r) => r[R.last4]! & 0xffff00,
  (r) => mixHash(r[R.markup]!, r[R.classes]! & 0xfff),
];

export function startApms({ apms, rates }: Model): void {
  for (let i = 0; i < apms.length; i++) {
    const bin = i % APM_FLOATS;
    apms[i] = bin === COUNT ? rates[Rate.apmFirst]! : sigmoid32(fround((bin - (BINS >> 1)) / BINS_PER_LOGIT));
  }
}

/** The rows for half a byte in a context are neighbours: a page of memory that is near stays near. */
export function findApms({ registers, plan }: Model, now: Moment, a: Apms): void {
  const half = now.place >= 4 ? 0 : now.node >> (3 - now.place);
  const inHalf = nodeInHalf(now.node, now.place);
  plan.apms.forEach((apm, k) => {
    const hash = mixHash(contexts[apm]!(registers, now), half);
    const row = (tableIndex(hash, plan.apmBits - 4) << 4) | inHalf;
    a.row[k] = (k * 2 ** plan.apmBits + row) * APM_FLOATS;
  });
}

/** The mean of the mix's probability and what each map makes of its logit. */
export function refine({ apms, plan }: Model, logit: number, probability: number, a: Apms): number {
  const at = fround(fround(clampTo(logit, LIMIT) + 8) * BINS_PER_LOGIT);
  a.bin = nearest(fround(at - 0.5));
  a.above = at - a.bin;
  const below = fround(1 - a.above);
  let sum = fround(probability * MIX_WEIGHT);
  for (let k = 0; k < plan.apms.length; k++) {
    const bin = a.row[k]! + a.bin;
    sum = fround(sum + fround(fround(apms[bin]! * below) + fround(apms[bin + 1]! * a.above)));
  }
  return fround(sum / (MIX_WEIGHT + plan.apms.length));
}

/** The nearer bin moves by the whole rate, the other by as much of it as it counted. */
export function learnApms({ apms, plan, rates, tables }: Model, a: Apms, bit: number): void {
  const nearer = a.above > 0.5 ? 1 : 0;
  const share = nearer === 1 ? fround(1 - a.above) : a.above;
  for (let k = 0; k < plan.apms.length; k++) {
    const near = a.row[k]! + a.bin + nearer;
    const far = a.row[k]! + a.bin + 1 - nearer;
    const count = apms[a.row[k]! + COUNT]!;
    const rate = reciprocal(tables, nearest(count));
    apms[near] = apms[near]! + fround(fround(bit - apms[near]!) * rate);
    apms[far] = apms[far]! + fround(fround(bit - apms[far]!) * fround(rate * share));
    apms[a.row[k]! + COUNT] = Math.min(count + rates[Rate.apmStep]!, rates[Rate.apmMost]!);
  }
}
