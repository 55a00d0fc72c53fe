/**
 * Objectives as options: a value, or by name, as a flow in a file or on the command line has them: `{ coverage: { … } }`.
 */
import { optionRange } from '../../../src/errors.js';
import type { Objective } from '../objective.js';
import { type CoverageOptions, coverage } from './coverage.js';
import { type FacilityLocationOptions, facilityLocation } from './facility-location.js';
import { type FeatureBasedOptions, featureBased } from './feature-based.js';
import { type GraphCutOptions, graphCut } from './graph-cut.js';
import { type LogDeterminantOptions, logDeterminant } from './log-determinant.js';
import { type SaturatedCoverageOptions, saturatedCoverage } from './saturated-coverage.js';
import { type WithWeightOptions, withWeight } from './with-weight.js';

/** An objective by its name, with its options. `withWeight` has the objective that it stands around among them. */
export type NamedObjective =
  | { readonly coverage: CoverageOptions }
  | { readonly facilityLocation: FacilityLocationOptions }
  | { readonly featureBased: FeatureBasedOptions }
  | { readonly graphCut: GraphCutOptions }
  | { readonly logDeterminant: LogDeterminantOptions }
  | { readonly saturatedCoverage: SaturatedCoverageOptions }
  | { readonly withWeight: NamedWithWeight };

export interface NamedWithWeight extends WithWeightOptions {
  readonly objective: NamedObjective;
}

type Maker = (options: object) => Objective;

const makers = {
  coverage,
  facilityLocation,
  featureBased,
  graphCut,
  logDeterminant,
  saturatedCoverage,
  withWeight: ({ objective, ...options }: NamedWithWeight) => withWeight(objectiveFrom(objective), options),
} as unknown as Readonly<Record<string, Maker>>;

/** The objectives that have names, and their options. */
export const objectivesInWords = [
  'coverage {maxItems, weights}',
  'facilityLocation {dim, similarity, gamma, ground | groundRows}',
  'featureBased {dim, concave, weights}',
  'graphCut {dim, similarity, gamma, ground, lambda}',
  'logDeterminant {dim, similarity, gamma, noise}',
  'saturatedCoverage {dim, similarity, gamma, ground | groundRows, saturation}',
  'withWeight {objective, factor}',
].join(', ');

/** The objective that an option gives; OPTION_RANGE where it gives none. */
export function objectiveFrom(given: unknown): Objective {
  if (isObjective(given)) return given;
  const entries = given !== null && typeof given === 'object' ? Object.entries(given) : [];
  const [name, options] = entries[0] ?? [];
  if (entries.length !== 1 || !Object.hasOwn(makers, name!)) {
    const names = Object.keys(makers).join(', ');
    throw optionRange('', 'objective', `an objective, or { name: options } of ${names}`, given);
  }
  if (options === null || typeof options !== 'object')
    throw optionRange('', `objective.${name}`, 'an object of options', options);
  return makers[name!]!(options);
}

const FUNCTIONS = ['empty', 'gain', 'add', 'value'] as const;

const isObjective = (given: unknown): given is Objective =>
  typeof given === 'object' &&
  given !== null &&
  'reads' in given &&
  'name' in given &&
  FUNCTIONS.every((name) => typeof (given as Record<string, unknown>)[name] === 'function');
