/**
 * Data and streams that summaries are measured on: the sets of elements, and who deletes what when.
 */

import type { Element, Objective } from '../../operators/submodular/objective.js';
import { coverage } from '../../operators/submodular/objectives/coverage.js';
import { facilityLocation } from '../../operators/submodular/objectives/facility-location.js';
import { logDeterminant } from '../../operators/submodular/objectives/log-determinant.js';
import type { Summary } from '../../operators/submodular/summary.js';
import { uniform } from './property.js';

export interface Data {
  readonly objective: Objective;
  /** A fresh element. */
  next(): Element;
}

const NO_ITEMS = new Int32Array(0);
const NO_FEATURES = new Float32Array(0);
const ofItems = (items: Iterable<number>): Element => ({
  items: Int32Array.from(items),
  features: NO_FEATURES,
  weight: 1,
});
const ofFeatures = (features: Float32Array): Element => ({ items: NO_ITEMS, features, weight: 1 });

const ITEMS = 8192;

/** Sets with sizes of a heavy tail, 1 … 300, over items of which some are much more frequent; weights 1 … 3. */
export function coverageData(seed = 77): Data {
  const random = uniform(seed);
  const weights = Array.from({ length: ITEMS }, () => 1 + Math.floor(3 * random()));
  const next = () => {
    const size = Math.max(1, Math.min(300, Math.floor(5 + ((1 - random()) ** (-1 / 1.5) - 1) * 8)));
    return ofItems(new Set(Array.from({ length: size }, () => Math.floor(ITEMS * random() ** 1.7))));
  };
  return { objective: coverage({ maxItems: ITEMS, weights }), next };
}

const DIM = 16;
const CLUSTERS = 60;
const REFERENCE_POINTS = 200;

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random() + 1e-300)) * Math.cos(2 * Math.PI * random());
}

/** Points around 60 directions, 0.4 … 1 long. */
function mixture(random: () => number): () => Float32Array {
  const unit = (x: Float64Array) => x.map((value) => value / Math.hypot(...x));
  const centers = Array.from({ length: CLUSTERS }, () =>
    unit(Float64Array.from({ length: DIM }, () => normal(random))),
  );
  return () => {
    const center = centers[Math.floor(CLUSTERS * random())]!;
    const direction = unit(center.map((x) => x + 0.35 * normal(random)));
    const length = 0.4 + 0.6 * random();
    return Float32Array.from(direction, (x) => x * length);
  };
}

export function facilityData(seed = 77): Data {
  const random = uniform(seed);
  const point = mixture(random);
  const ground = Array.from({ length: REFERENCE_POINTS }, point);
  return {
    objective: facilityLocation({ dim: DIM, similarity: 'dot', ground }),
    next: () => ofFeatures(point()),
  };
}

export function determinantData(seed = 77): Data {
  const random = uniform(seed);
  const centers = Array.from({ length: CLUSTERS }, () =>
    Float64Array.from({ length: DIM }, () => 0.6 * normal(random)),
  );
  const next = () => {
    const scale = 0.2 + 0.8 * random();
    const center = centers[Math.floor(CLUSTERS * random())]!;
    return ofFeatures(Float32Array.from(center, (x) => scale * (x + 0.25 * normal(random))));
  };
  return { objective: logDeterminant({ dim: DIM, similarity: 'dot', noise: 0.25 }), next };
}

/** Decoys that all cover the same, and among `n` elements 400 rare ones that cover what nobody else does. */
export function decoyData(n: number, seed = 77): Data {
  const random = uniform(seed);
  const decoy = Array.from({ length: 100 }, (_, i) => i);
  const next = () => {
    if (n * random() >= 400) return ofItems([...decoy, 100 + Math.floor(100 * random())]);
    const first = 200 + 60 * Math.floor(100 * random());
    return ofItems(Array.from({ length: 60 }, (_, i) => first + i));
  };
  return { objective: coverage({ maxItems: ITEMS }), next };
}

/** Who deletes what: the oldest, anybody, or one of the answer (knowing it). */
export type Stream = 'window' | 'random' | 'attack';

/** One update a call: inserts and deletions in turn, or by a coin. */
export function updatesOf(summary: Summary, data: Data, stream: Stream, seed = 5) {
  const random = uniform(seed);
  const { live } = summary;
  let inserted = 0;
  let oldest = 0;
  let turn = 0;
  const insert = () => summary.insert(BigInt(inserted++), data.next());
  const idAt = (slot: number) => live.idOf(slot);
  const anybody = () => idAt(live.order[Math.floor(live.count * random())]!);
  const next = () => {
    const inserts = stream === 'random' ? random() < 0.5 : turn++ % 2 === (stream === 'attack' ? 1 : 0);
    if (inserts) return insert();
    if (stream === 'window') return summary.delete(BigInt(oldest++));
    const { answer } = summary.algorithm;
    if (stream === 'attack' && answer.length > 0)
      return summary.delete(idAt(answer[Math.floor(answer.length * random())]!));
    summary.delete(anybody());
  };
  return { insert, next };
}
