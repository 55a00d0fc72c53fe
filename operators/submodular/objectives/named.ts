/**
 * Objectives as options: a value, or by name, as a flow in a file or on the command line has them: `{ coverage: { … } }`.
 */
import { optionRange } from '../../../src/errors.js';
import type { Objective } from '../objective.js';
import { coverage } from './coverage.js';
import { facilityLocation } from './facility-location.js';
import { featureBased } from './feature-based.js';
import { graphCut } from './graph-cut.js';
import { logDeterminant } from './log-determinant.js';
import { saturatedCoverage } from './saturated-coverage.js';

/** An objective by its name, with its options. */
export type NamedObjective = Readonly<Record<string, object>>;

type Maker = (options: object) => Objective;

const makers = {
  coverage,
  facilityLocation,
  featureBased,
  graphCut,
  logDeterminant,
  saturatedCoverage,
} as unknown as Readonly<Record<string, Maker>>;

export function objectiveFrom(given: unknown): Objective {
  if (isObjective(given)) return given;
  const [entry, ...more] = Object.entries(given ?? {});
  const make = entry && makers[entry[0]];
  if (make === undefined || more.length > 0 || typeof given !== 'object') {
    const names = Object.keys(makers).join(', ');
    throw optionRange('', 'objective', `an objective, or one of ${names} with its options`, given);
  }
  return make(entry![1]);
}

const FUNCTIONS = ['empty', 'gain', 'add', 'value'] as const;

const isObjective = (given: unknown): given is Objective =>
  typeof given === 'object' &&
  given !== null &&
  'reads' in given &&
  'name' in given &&
  FUNCTIONS.every((name) => typeof (given as Record<string, unknown>)[name] === 'function');
