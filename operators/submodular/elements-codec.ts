/**
 * Live elements as plain data for a saved state, in the order of their numbers, and back.
 */
import type { Id } from '../../src/row-types.js';
import type { Elements } from './elements.js';
import { joined } from './joined.js';
import type { LiveSet } from './live-set.js';

export type SavedIds = Uint8Array | readonly string[];

/** Integers as 8 bytes each, text as it is: ids of a stream are all of one kind. */
function saveIds(ids: readonly Id[]): SavedIds {
  if (typeof ids[0] === 'string') return ids as string[];
  return new Uint8Array(BigInt64Array.from(ids as bigint[]).buffer);
}

const loadIds = (saved: SavedIds): Id[] =>
  saved instanceof Uint8Array ? [...new BigInt64Array(saved.slice().buffer)] : [...saved];

function save(live: LiveSet, elements: Elements, known: Int32Array) {
  const { dim, features, weights } = elements;
  const rows = new Float32Array(known.length * dim);
  for (let i = 0; i < known.length; i++)
    for (let d = 0; d < dim; d++) rows[i * dim + d] = features[known[i]! * dim + d]!;
  const items = Array.from(known, (slot) => elements.at(slot).items);
  return {
    ids: saveIds(Array.from(known.subarray(0, live.count), (slot) => live.idOf(slot))),
    arrivals: Float64Array.from(known, (slot) => live.arrival[slot]!),
    features: rows,
    weights: weights.length === 0 ? weights : Float64Array.from(known, (slot) => weights[slot]!),
    itemCounts: Int32Array.from(items, ({ length }) => length),
    items: joined(items),
  };
}

/** Fills slots 0, 1, … of an empty live set: first the live elements, then those that are only pinned. */
function load(
  live: LiveSet,
  elements: Elements,
  { ids, arrivals, features, weights, itemCounts, items }: ReturnType<typeof save>,
): void {
  const { dim } = elements;
  const liveIds = loadIds(ids);
  let from = 0;
  for (let i = 0; i < arrivals.length; i++) {
    const slot = i < liveIds.length ? live.insert(liveIds[i]!, arrivals[i]!) : live.insertGhost(arrivals[i]!);
    const to = from + itemCounts[i]!;
    elements.set(slot, {
      items: items.subarray(from, to),
      features: new Float32Array(0),
      weight: weights[i] ?? 1,
    });
    from = to;
    // As they were kept: already scaled, where they are.
    for (let d = 0; d < dim; d++) elements.features[slot * dim + d] = features[i * dim + d]!;
  }
}

export const ElementsCodec = { save, load, saveIds, loadIds };
