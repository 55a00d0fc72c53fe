/**
 * Decides how columns of numbers are coded: the coders that promise most are tried on the first rows, the shortest wins.
 */
import { Column, FLAG, NULL } from './column.js';
import { Decisions } from './decisions.js';
import { adaptiveBits, classesOf, residualBits } from './estimate.js';
import { Memory } from './memory.js';
import type { NumberPlan } from './plan.js';
import type { Job } from './planner.js';
import { GUESS, GUESSES, Predictors } from './predictors.js';
import { RowCoder } from './row-coder.js';

const TRIAL_ROWS = 1_500;
/** Guesses whose residuals are tried. */
const TRIED_GUESSES = 3;
const TRIAL_SIZE = { cellBits: 18, apmBits: 12, models: 1 };
/** Fewer rows tell nothing. */
const TRIAL_ROWS_LEAST = 32;

/** Tries how each column of numbers is coded best. The jobs' columns know their parents. */
export function planNumbers(jobs: readonly Job[], rows: number): NumberPlan[] {
  if (rows < TRIAL_ROWS_LEAST) return jobs.map(({ column }) => column.plan);
  const promised = promisedBits(jobs, Math.min(rows, TRIAL_ROWS));
  return jobs.map(({ column }, c) => {
    const { plan } = column;
    if (column.kind !== 'number' || plan.bits < 3) return plan;
    const bases = promisingGuesses(promised[c]!);
    const tried: NumberPlan[] = [{ ...plan, coder: 'tree', base: 0 }];
    if (plan.bits > 5) tried.push({ ...plan, coder: 'digits', base: 0 });
    for (const base of bases) tried.push({ ...plan, coder: 'residual', base: base + 1 });
    const bits = tried.map((trial) => trialBits(jobs, c, trial, Math.min(rows, TRIAL_ROWS)));
    return tried[bits.indexOf(Math.min(...bits))]!;
  });
}

/** The last value, and those that leave least; guesses that leave the same are mostly the same. */
function promisingGuesses(bits: readonly number[]): number[] {
  const distinct = [...bits.keys()].filter((g) => bits.indexOf(bits[g]!) === g);
  const others = distinct.filter((g) => g !== GUESS.last).sort((a, b) => bits[a]! - bits[b]!);
  return [GUESS.last, ...others.slice(0, TRIED_GUESSES - 1)];
}

/** Fresh columns with the same plans and parents. */
function copies(jobs: readonly Job[]): Column[] {
  const columns = jobs.map(({ column: { index, kind, unit, plan, hasFlags } }) =>
    Object.assign(new Column(index, kind), { unit, plan, hasFlags }),
  );
  const places = new Map(jobs.map(({ column }, i) => [column, i]));
  columns.forEach((column, c) => {
    column.parents = jobs[c]!.column.parents.map((parent) => columns[places.get(parent)!]!);
  });
  return columns;
}

const cellOf = ({ cells }: Job, row: number): number =>
  cells.flags !== undefined && cells.flags[row] !== FLAG.value ? NULL : cells.values[row]!;

/** By job and guess: the bits of what the guess leaves. */
function promisedBits(jobs: readonly Job[], rows: number): number[][] {
  const columns = copies(jobs);
  const predictors = new Predictors(new Memory());
  const residuals = jobs.map(() =>
    Array.from({ length: GUESSES }, () => new Float64Array(rows).fill(Number.NaN)),
  );
  for (let row = 0; row < rows; row++) {
    columns.forEach((column, c) => {
      const value = cellOf(jobs[c]!, row);
      if (column.kind === 'number' && value !== NULL) {
        predictors.guess(column);
        for (let g = 0; g < GUESSES; g++) residuals[c]![g]![row] = value - predictors.guesses[g]!;
      }
      predictors.know(column, value);
    });
    for (const column of columns) column.endRow();
  }
  return residuals.map((guesses, c) =>
    guesses.map((left) => {
      const classes = classesOf(left, (row) => Number.isNaN(left[row]), jobs[c]!.column.plan.bits);
      return Math.min(residualBits(left), adaptiveBits(classes, []));
    }),
  );
}

function trialBits(jobs: readonly Job[], tried: number, plan: NumberPlan, rows: number): number {
  const columns = copies(jobs);
  columns[tried]!.plan = plan;
  const decisions = new Decisions(TRIAL_SIZE);
  decisions.beginEncoding();
  const coder = new RowCoder(decisions);
  const cells = { ...jobs[tried]!.cells, text: undefined };
  for (let row = 0; row < rows; row++) {
    columns.forEach((column, c) => {
      if (c === tried && cells.flags?.[row] !== FLAG.escaped) coder.code(column, cells, row);
      else coder.know(column, cellOf(jobs[c]!, row));
    });
    for (const column of columns) column.endRow();
  }
  return decisions.bitsWritten;
}
