/**
 * One state for each of 100,000 keys, in one arena, against what one would write by hand: a Map from key to a
 * Float32Array, the same recurrence row by row.
 *
 *   npm run bench -- per-key
 */
import { gatedDeltaRule, simpleGla } from '../operators/index.js';
import { fromColumns } from '../src/batches.js';
import { f32, i32 } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import { perKey } from '../src/per-key.js';
import { nextBelow, nextUnit, seedRandom } from '../src/random.js';
import { type Contender, medians } from './support/medians.js';
import type { Result, Row } from './support/results.js';

const KEYS = 100_000;
const BATCH_ROWS = 4096;
/** Batches until nearly every key has been met twice. */
const BATCHES = 60;
const ROUNDS = 5;

interface Rule {
  readonly name: string;
  readonly operator: (width: number) => Operator;
  /** Takes one row into a key's memory S [width, width] and writes its output. */
  readonly byHand: (S: Float32Array, row: number, columns: Columns, width: number) => void;
}

type Columns = Readonly<Record<'q' | 'k' | 'v' | 'g' | 'beta' | 'o', Float32Array>>;

/** S = e^g S, less what it says to k where `corrects`, plus k v; o = width^-1/2 S^T q. */
function step(
  S: Float32Array,
  row: number,
  { q, k, v, g, beta, o }: Columns,
  width: number,
  corrects: boolean,
): void {
  const at = row * width;
  const decay = Math.exp(g[row]!);
  for (let i = 0; i < width; i++) {
    let seen = 0;
    for (let j = 0; corrects && j < width; j++) seen += k[at + j]! * S[j * width + i]!;
    const written = corrects ? beta[row]! * (v[at + i]! - decay * seen) : v[at + i]!;
    let read = 0;
    for (let j = 0; j < width; j++) {
      const s = decay * S[j * width + i]! + k[at + j]! * written;
      S[j * width + i] = s;
      read += q[at + j]! * s;
    }
    o[at + i] = read / Math.sqrt(width);
  }
}

const rules: readonly Rule[] = [
  {
    name: 'simpleGla',
    operator: (width) => simpleGla({ keyDim: width, valueDim: width }),
    byHand: (S, row, columns, width) => step(S, row, columns, width, false),
  },
  {
    name: 'gatedDeltaRule',
    operator: (width) => gatedDeltaRule({ keyDim: width, valueDim: width }),
    byHand: (S, row, columns, width) => step(S, row, columns, width, true),
  },
];

function batchesOf(width: number) {
  const random = new Uint32Array(4);
  seedRandom(random, 11);
  const draw = (length: number, domain: (u: number) => number) =>
    Float32Array.from({ length }, () => domain(nextUnit(random)));
  return Array.from({ length: BATCHES }, () => {
    const vectors = () => draw(BATCH_ROWS * width, (u) => (2 * u - 1) / Math.sqrt(width));
    const key = Int32Array.from({ length: BATCH_ROWS }, () => nextBelow(random, KEYS));
    const columns = {
      q: vectors(),
      k: vectors(),
      v: vectors(),
      g: draw(BATCH_ROWS, (u) => -0.2 * u),
      beta: draw(BATCH_ROWS, (u) => u),
    };
    return { key, columns };
  });
}

function ours(rule: Rule, width: number, batches: ReturnType<typeof batchesOf>): Contender {
  const keyed = perKey('key', rule.operator(width), { maxKeys: KEYS });
  const vector = f32(width);
  const arrow = batches.map(({ key, columns: { q, k, v, g, beta } }) =>
    fromColumns({
      key: { type: i32(), values: key },
      q: { type: vector, values: q },
      k: { type: vector, values: k },
      v: { type: vector, values: v },
      g: { type: f32(), values: g },
      beta: { type: f32(), values: beta },
    }),
  );
  const open = keyed.open();
  const run = () => {
    for (const batch of arrow) open.step(batch, () => {});
  };
  return { name: 'perKey', run };
}

function byHand(rule: Rule, width: number, batches: ReturnType<typeof batchesOf>): Contender {
  const states = new Map<number, Float32Array>();
  const run = () => {
    for (const { key, columns } of batches) {
      const o = new Float32Array(BATCH_ROWS * width);
      for (let row = 0; row < BATCH_ROWS; row++) {
        let S = states.get(key[row]!);
        if (S === undefined) {
          S = new Float32Array(width * width);
          states.set(key[row]!, S);
        }
        rule.byHand(S, row, { ...columns, o }, width);
      }
    }
  };
  return { name: 'Map', run };
}

async function measure(rule: Rule, width: number): Promise<Row> {
  const batches = batchesOf(width);
  const [own, hand] = await medians([ours(rule, width, batches), byHand(rule, width, batches)], ROUNDS);
  const rows = BATCHES * BATCH_ROWS;
  return {
    recurrence: rule.name,
    'keys and values': width,
    'state MB': Math.round((KEYS * rule.operator(width).stateBytes) / 1e6),
    'rows/s': Math.round((1000 * rows) / own!.medianMs),
    'x a Map of arrays': (hand!.medianMs / own!.medianMs).toFixed(2),
  };
}

export async function bench(): Promise<Result[]> {
  const rows: Row[] = [];
  for (const rule of rules) for (const width of [8, 16, 32]) rows.push(await measure(rule, width));
  return [
    { title: `One state for each of ${KEYS} keys, rows of random keys in batches of ${BATCH_ROWS}`, rows },
  ];
}
