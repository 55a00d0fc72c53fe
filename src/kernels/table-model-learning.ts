/**
 * What the table model learns from a decision: the twin of `learn` in `table-model.c`, operation by operation.
 */
import { CONTEXTS, MAP_PLACES, START } from './table-constants.js';
import { APM_STEPS, INPUTS, type Model, type Prediction, SETS, squash } from './table-model-shapes.js';

const { fround, trunc } = Math;

const COUNT_MOST = 1023;
const MAP_COUNT_MOST = 500;

export function learn(model: Model, at: Prediction, bit: number, rate: number): void {
  const { weights, finals, inputs, count } = model;
  learnApms(model, at, bit);
  const missed = fround(bit - at.mixedP);
  at.dots.forEach((dot, s) => {
    const final = at.rows[0]! * SETS + s;
    finals[final] = finals[final]! + fround(fround(missed * dot) * fround(0.002));
    const step = fround(fround(bit - squash(model, dot)) * rate);
    const row = at.rows[s]! * INPUTS;
    for (let i = 0; i < at.inputs; i++) weights[row + i] = weights[row + i]! + fround(inputs[i]! * step);
  });
  for (let i = 0; i < count; i++) learnContext(model, i, bit);
}

function learnApms({ apms, constants }: Model, { apmRows, between }: Prediction, bit: number): void {
  const toward = (at: number, start: number, share: number) => {
    const miss = fround(bit - fround(apms[at]! + start));
    apms[at] = apms[at]! + fround(fround(miss * fround(0.02)) * share);
  };
  for (const at of apmRows) {
    const step = START.apm + (at % APM_STEPS);
    toward(at, constants[step]!, fround(1 - between));
    toward(at + 1, constants[step + 1]!, between);
  }
}

function learnContext(
  { cells, maps, mapCounts, constants, histories, slots }: Model,
  i: number,
  bit: number,
) {
  const cell = 2 * slots[i]!;
  const n = cells[cell + 1]! & 0xffff;
  const state = cells[cell + 1]! >>> 16;
  for (let k = 1; k <= 2 && slots[CONTEXTS + i]! >= 0; k++) {
    const place = slots[k * CONTEXTS + i]!;
    const seen = mapCounts[place]!;
    const now = fround(maps[place]! + constants[START.maps + (place % MAP_PLACES)]!);
    maps[place] = maps[place]! + fround(fround(bit - now) / fround(seen + 3.5));
    if (seen < (k === 1 ? MAP_COUNT_MOST : 252)) mapCounts[place] = seen + 1;
  }
  const p = cells[cell]! & 0xffff;
  const moved = p + trunc(fround(((bit ? 65535 : 0) - p) / fround(n + fround(1.6))));
  cells[cell] = (cells[cell]! & 0xffff0000) | Math.min(65519, Math.max(16, moved));
  cells[cell + 1] = (histories[2 * state + bit]! << 16) | Math.min(COUNT_MOST, n + 1);
}
