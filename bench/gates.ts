/**
 * Whether the strength of the gates, or keys that fall silent while they fade, change how fast a recurrence runs:
 * faded state that ends in subnormal numbers would make it many times slower.
 *
 *   npm run bench -- gates
 */
import * as operators from '../operators/index.js';
import { fromColumns } from '../src/batches.js';
import type { ArrayType } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import { nextUnit, seedRandom } from '../src/random.js';
import { type Contender, medians } from './support/medians.js';
import type { Result, Row } from './support/results.js';

const H = 4;
const DIM = 64;
const ROWS = 1024;
const STEPS = 4;
const ROUNDS = 15;
/** Natural log decays a row. */
const STRENGTHS = [0.01, 0.1, 0.3, 1, 2, 6, 30];
/** A silent key, input or channel is 0 but for one row in so many. */
const SILENT_ROWS = 400;

const matrix = { heads: H, keyDim: DIM, valueDim: DIM };
const gated: Readonly<Record<string, Operator>> = {
  simpleGla: operators.simpleGla(matrix),
  gatedLinearAttention: operators.gatedLinearAttention(matrix),
  rwkv6: operators.rwkv6({ ...matrix, bonus: new Float32Array(H * DIM).fill(0.3) }),
  gatedDeltaRule: operators.gatedDeltaRule(matrix),
  kimiDeltaAttention: operators.kimiDeltaAttention(matrix),
  rwkv7: operators.rwkv7(matrix),
  hgrn: operators.hgrn({ dim: H * DIM }),
  selectiveScan: operators.selectiveScan({
    dim: H * DIM,
    stateDim: 16,
    A: new Float32Array(H * DIM * 16).fill(-1),
  }),
};

/** Roles whose numbers are written into the state, and those that say how it fades. */
const WRITTEN = new Set(['k', 'x', 'u', 'b']);
const FADING: Readonly<Record<string, (strength: number) => number>> = { g: (s) => -s, dt: (s) => s };

function rowsFor(operator: Operator, strength: number, silent: boolean) {
  const random = new Uint32Array(4);
  seedRandom(random, 7);
  const columns = Object.entries(operator.description.inputs).map(([role, rowType]) => {
    const type = rowType as ArrayType;
    const values = Float32Array.from({ length: ROWS * type.length }, (_, i) => {
      const u = nextUnit(random);
      const fade = FADING[role];
      if (fade !== undefined) return fade(strength) * (0.5 + u);
      const row = Math.floor(i / type.length);
      const isSilent = silent && WRITTEN.has(role) && i % 2 === 1 && row % SILENT_ROWS !== 0;
      return isSilent ? 0 : role === 'beta' ? u : (2 * u - 1) / 8;
    });
    return [role, { type, values }] as const;
  });
  return fromColumns(Object.fromEntries(columns), ROWS);
}

function contender(operator: Operator, strength: number, silent: boolean): Contender {
  const batch = rowsFor(operator, strength, silent);
  const open = operator.open();
  const run = () => {
    for (let step = 0; step < STEPS; step++) open.step(batch, () => {});
  };
  return { name: `${strength}`, run };
}

async function slowdowns(name: string, operator: Operator, silent: boolean): Promise<Row> {
  const timings = await medians(
    STRENGTHS.map((strength) => contender(operator, strength, silent)),
    ROUNDS,
  );
  const base = timings[0]!.medianMs;
  const cells = timings.map(({ name: strength, medianMs }) => [strength, (medianMs / base).toFixed(2)]);
  return {
    recurrence: name,
    ...Object.fromEntries(cells.map(([strength, time]) => [`e^-${strength}`, time])),
  };
}

export async function bench(): Promise<Result[]> {
  const results: Result[] = [];
  for (const silent of [false, true]) {
    const rows: Row[] = [];
    for (const [name, operator] of Object.entries(gated)) rows.push(await slowdowns(name, operator, silent));
    const who = silent
      ? `half of the keys silent but for one row in ${SILENT_ROWS}`
      : 'all keys written by every row';
    results.push({ title: `Time a row by decay a row, over that at e^-0.01; ${who}`, rows });
  }
  return results;
}
