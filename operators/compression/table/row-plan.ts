/**
 * The plan of a table as it is made, told and taken: the order of the columns, the parents of each, the coders of numbers.
 */
import { corruptInput } from '../../../src/errors.js';
import type { Column } from './column.js';
import { type FieldReader, FieldWriter } from './fields.js';
import { planNumbers } from './number-planner.js';
import { CODERS, type NumberPlan } from './plan.js';
import { type Job, planRows } from './planner.js';
import { GUESSES } from './predictors.js';

const WHO = 'decompressBatches';
/** The parents that are told, and how many a column has at most: the others are the first of those before it. */
const PARENTS_TOLD = 6;
const PARENTS_MOST = 24;

const withEarlier = (told: readonly Column[], earlier: readonly Column[]): Column[] =>
  [...told, ...earlier.filter((column) => !told.includes(column))].slice(0, PARENTS_MOST);

/** Plans the jobs' columns from their first rows; answers the order. */
export function makePlan(jobs: readonly Job[], rows: number): number[] {
  const { order, parents } = planRows(jobs, rows);
  const columns = order.map((c) => jobs[c]!.column);
  order.forEach((c, place) => {
    const told = parents[c]!.slice(0, PARENTS_TOLD).map((j) => jobs[j]!.column);
    jobs[c]!.column.parents = withEarlier(told, columns.slice(0, place));
  });
  const ordered = order.map((c) => jobs[c]!);
  planNumbers(ordered, rows).forEach((plan, i) => {
    ordered[i]!.column.plan = plan;
  });
  return [...order];
}

export function planFields(jobs: readonly Job[], order: readonly number[]): Uint8Array<ArrayBuffer> {
  const fields = new FieldWriter();
  const places = new Map(jobs.map(({ column }, i) => [column, i]));
  for (const c of order) fields.put(c);
  for (const c of order) {
    const { column } = jobs[c]!;
    if (column.kind === 'number') fields.put(CODERS.indexOf(column.plan.coder) + 3 * column.plan.base);
    for (const parent of column.parents.slice(0, PARENTS_TOLD)) fields.put(places.get(parent)!);
  }
  return fields.bytes;
}

/** Gives the jobs' columns the plan that is told; answers the order. */
export function takePlan(jobs: readonly Job[], fields: FieldReader): number[] {
  const order = jobs.map(() => fields.take(jobs.length - 1));
  if (new Set(order).size !== jobs.length) {
    throw corruptInput(WHO, 'order of columns', 'each once', order.join(' '));
  }
  order.forEach((c, place) => {
    const { column } = jobs[c]!;
    if (column.kind === 'number') column.plan = numberPlan(column.plan, fields.take(3 * GUESSES + 2));
    const earlier = order.slice(0, place).map((j) => jobs[j]!.column);
    const told = earlier.slice(0, PARENTS_TOLD).map(() => jobs[fields.take(jobs.length - 1)]!.column);
    if (!told.every((parent) => earlier.includes(parent))) {
      throw corruptInput(WHO, 'parents of a column', 'columns before it', 'another');
    }
    column.parents = withEarlier(told, earlier);
  });
  return order;
}

function numberPlan(plan: NumberPlan, code: number): NumberPlan {
  const coder = CODERS[code % 3]!;
  const base = Math.floor(code / 3);
  if ((coder === 'residual') !== base > 0) {
    throw corruptInput(WHO, 'coder of a column', 'a guess with residuals', coder);
  }
  return { ...plan, coder, base };
}
