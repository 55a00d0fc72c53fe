/**
 * Faded state never gets to subnormal numbers, which many processors take a hundred times as long for: not at any strength
 * of the gates, and not where keys fall silent.
 */
import { describe, expect, it } from 'vitest';
import * as operators from '../../operators/index.js';
import type { AnyArray, ArrayType } from '../../src/layout.js';
import type { Operator } from '../../src/operator.js';
import { uniform } from '../support/property.js';
import { batchOf, type Rows } from '../support/rows.js';

const matrix = { heads: 2, keyDim: 8, valueDim: 4 };
const gated: Readonly<Record<string, Operator>> = {
  lightningAttention: operators.lightningAttention({ ...matrix, slopes: [0.5, 4] }),
  simpleGla: operators.simpleGla(matrix),
  gatedLinearAttention: operators.gatedLinearAttention(matrix),
  rwkv6: operators.rwkv6({ ...matrix, bonus: new Float32Array(16).fill(0.3) }),
  mlstm: operators.mlstm({ ...matrix, inputGate: 'exp', normalize: true }),
  gatedDeltaRule: operators.gatedDeltaRule(matrix),
  kimiDeltaAttention: operators.kimiDeltaAttention(matrix),
  rwkv7: operators.rwkv7(matrix),
};
const scans: Readonly<Record<string, Operator>> = {
  hgrn: operators.hgrn({ dim: 16 }),
  selectiveScan: operators.selectiveScan({ dim: 4, stateDim: 4, A: new Float32Array(16).fill(-1) }),
};

/** Natural log decays a row: from hardly any to more than a float holds. */
const STRENGTHS = [0.02, 0.3, 1, 2, 6, 20, 30];
const ROWS = 1000;
/** Half of the keys are 0 but for one row in so many. */
const SILENT_ROWS = 397;
const WRITTEN = new Set(['k', 'x', 'u', 'b']);

function rowsFor({ description: { inputs } }: Operator, strength: number): Rows {
  const random = uniform(5);
  const fades: Readonly<Record<string, () => number>> = {
    g: () => -strength * (0.5 + random()),
    f: () => -strength * (0.5 + random()),
    dt: () => strength * (0.5 + random()),
  };
  return Object.fromEntries(
    Object.entries(inputs as Readonly<Record<string, ArrayType>>).map(([role, { length, dtype }]) => {
      const values = (
        dtype === 'f64' ? new Float64Array(ROWS * length) : new Float32Array(ROWS * length)
      ).map((_, i) => {
        const row = Math.floor(i / length);
        const isSilent = WRITTEN.has(role) && i % 2 === 1 && row % SILENT_ROWS !== 0;
        return fades[role]?.() ?? (isSilent ? 0 : (2 * random() - 1) / 2);
      });
      return [role, values];
    }),
  );
}

const SMALLEST_NORMAL = { 4: 2 ** -126, 8: 2 ** -1022 };

const isSubnormal = (array: AnyArray) => (x: number | bigint) =>
  x !== 0 && Math.abs(Number(x)) < SMALLEST_NORMAL[array.BYTES_PER_ELEMENT as 4 | 8];

/** In how many of the rows the state, as it is kept between rows, holds a subnormal number. */
function subnormalRows(operator: Operator, strength: number): number {
  const { inputs } = operator.description;
  const rows = rowsFor(operator, strength);
  const workspace = operator.workspace!(1);
  workspace.select(0);
  workspace.cells.clear(0);
  workspace.select(0);
  const columns = workspace.read(batchOf(inputs, rows));
  const out = workspace.outputs.allocate(ROWS);
  let found = 0;
  for (let row = 0; row < ROWS; row++) {
    workspace.step(columns, Int32Array.of(row), 1, out, () => {});
    const arrays = Object.values(workspace.cells.slots(0)).filter((array) =>
      array.constructor.name.startsWith('Float'),
    );
    if (arrays.some((array) => (array as Float32Array).some(isSubnormal(array)))) found++;
  }
  return found;
}

describe('faded state', () => {
  for (const [name, operator] of Object.entries(gated)) {
    it(`of ${name} is never subnormal`, () => {
      for (const strength of STRENGTHS)
        expect([strength, subnormalRows(operator, strength)]).toEqual([strength, 0]);
    });
  }

  for (const [name, operator] of Object.entries(scans)) {
    it(`of ${name} is subnormal in less than 2 % of the rows`, () => {
      for (const strength of STRENGTHS) expect(subnormalRows(operator, strength)).toBeLessThan(0.02 * ROWS);
    });
  }
});
