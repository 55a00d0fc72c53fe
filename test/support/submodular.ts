/**
 * Elements and summaries for tests, without Arrow around them.
 */
import type { Algorithm } from '../../operators/submodular/algorithm.js';
import type { Element, Objective } from '../../operators/submodular/objective.js';
import type { World } from '../../operators/submodular/oracle.js';
import { type Answer, Summary, type SummaryOptions } from '../../operators/submodular/summary.js';
import { applyTo } from '../../src/apply.js';
import type { Operator } from '../../src/operator.js';
import type { Id, Varying } from '../../src/row-types.js';
import { outputsOf } from './outcome.js';
import { batchOf, cutInto, type Rows } from './rows.js';

const NOTHING: Element = { items: new Int32Array(0), features: new Float32Array(0), weight: 1 };

export const withItems = (items: Iterable<number>): Element => ({
  ...NOTHING,
  items: Int32Array.from(items),
});
export const withFeatures = (features: Iterable<number>): Element => ({
  ...NOTHING,
  features: Float32Array.from(features),
});

/** A summary by an algorithm, with room for a thousand elements. */
export const summaryOf = (
  objective: Objective,
  k: number,
  algorithm: (world: World) => Algorithm,
  more: Partial<SummaryOptions> = {},
): Summary =>
  new Summary({ who: 'test', k, objective, maxElements: 1000, spareSlots: 64 * k, algorithm, ...more });

/** The live elements of a summary, oldest first, with their ids. */
export function liveElements({ live, oracle }: Summary) {
  const slots = live.byArrival();
  return {
    ids: Array.from(slots, (slot) => live.idOf(slot)),
    elements: Array.from(slots, (slot): Element => {
      const { items, features, weight } = oracle.elements.at(slot);
      return { items: items.slice(), features: features.slice(), weight };
    }),
  };
}

/** Inserts numbers as ids and deletes them: an update is a number, or its complement to delete it. */
export function applyUpdates(summary: Summary, elements: readonly Element[], updates: readonly number[]) {
  return updates.map((update) => {
    if (update < 0) summary.delete(BigInt(~update));
    else summary.insert(BigInt(update), elements[update]!);
    return summary.answer();
  });
}

/** Rows of updates as an operator's input columns; an id is an update's number unless `idOf` says otherwise. */
export function updateRows(
  elements: readonly Element[],
  updates: readonly number[],
  { idOf = BigInt, categories }: { idOf?: (e: number) => Id; categories?: readonly Id[] } = {},
): Rows {
  const numbers = updates.map((update) => (update < 0 ? ~update : update));
  const items = numbers.map((e) => elements[e]!.items);
  const offsets = new Int32Array(numbers.length + 1);
  for (const [t, own] of items.entries()) offsets[t + 1] = offsets[t]! + own.length;
  return {
    op: Int8Array.from(updates, (update) => (update < 0 ? -1 : 1)),
    id: numbers.map(idOf),
    items: { offsets, values: Int32Array.from(items.flatMap((own) => [...own])) },
    features: Float32Array.from(numbers.flatMap((e) => [...elements[e]!.features])),
    weight: Float64Array.from(numbers, (e) => elements[e]!.weight),
    category: numbers.map((e) => categories?.[e] ?? 0n),
  };
}

/** The answers that an operator emits for updates, in batches of the given lengths and one of the rest. */
export function answersOf(
  operator: Operator,
  elements: readonly Element[],
  updates: readonly number[],
  lengths: readonly number[] = [],
  more: Parameters<typeof updateRows>[2] = {},
): Answer[] {
  const rows = updateRows(elements, updates, more);
  const { inputs } = operator.description;
  const batches = lengths.length === 0 ? [batchOf(inputs, rows)] : cutInto(inputs, rows, lengths);
  return readAnswers(operator, applyTo(batches, operator).batches);
}

/** Emitted batches as answers. */
export function readAnswers(operator: Operator, batches: Parameters<typeof outputsOf>[1]): Answer[] {
  const out = outputsOf(operator, batches);
  const [selected, gains] = [out.selected as Varying<Id[]>, out.gains as Varying<Float64Array>];
  return Array.from(out.value as Float64Array, (value, row) => ({
    selected: selected.values.slice(selected.offsets[row], selected.offsets[row + 1]),
    gains: [...gains.values.slice(gains.offsets[row], gains.offsets[row + 1])],
    value,
    oracleCalls: Number((out.oracleCalls as BigInt64Array)[row]),
    changed: (out.changed as Int32Array)[row]!,
    certified: (out.certified as Uint8Array)[row] === 1,
  }));
}
