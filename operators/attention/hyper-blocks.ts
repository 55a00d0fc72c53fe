/**
 * How HyperAttention divides a sequence: who attends to whom, and with which weight.
 *
 * Queries and keys are sorted by hash, block b of the queries attends to block b of the keys, and to sampled keys of
 * the other blocks in their stead. Which rows these are is decided here; what attending means is the caller's.
 */

/** Rows `from` … `to − 1`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Division {
  readonly blockRows: number;
  readonly sampleRows: number;
  /** A square of at most so many rows under the causal mask is not divided, nor is a rectangle of fewer queries. */
  readonly exactRows: number;
  /** The hashes of all rows of the head, 0 … `counts.length − 1`. */
  readonly queryHashes: Int32Array;
  readonly keyHashes: Int32Array;
  /** Scratch: room for all rows, for all rows, for a count of each hash, and for `sampleRows` rows. */
  readonly queryOrder: Int32Array;
  readonly keyOrder: Int32Array;
  readonly counts: Int32Array;
  readonly sampled: Int32Array;
  /** Fills `positions` with positions in 0 … `rows − 1`. */
  draw(positions: Int32Array, rows: number): void;
  /** The queries attend to the keys, each of which stands for `weight` keys. `causal`: number i to numbers 0 … i. */
  attend(queries: Int32Array, keys: Int32Array, weight: number, causal: boolean): void;
}

/** Every row attends to the rows up to itself: two halves, each by itself, and then the second to the first. */
export function attendCausally(d: Division, { from, to }: Range): void {
  const rows = to - from;
  if (rows <= d.exactRows) {
    const order = numbered(d.queryOrder, { from, to });
    d.attend(order, order, 1, true);
    return;
  }
  const middle = from + Math.ceil(rows / 2);
  attendCausally(d, { from, to: middle });
  attendCausally(d, { from: middle, to });
  attendFully(d, { from: middle, to }, { from, to: middle });
}

/** Every query attends to every key, as far as blocks and samples can tell. */
export function attendFully(d: Division, queries: Range, keys: Range): void {
  const { blockRows, sampleRows, sampled } = d;
  const queryRows = queries.to - queries.from;
  const keyRows = keys.to - keys.from;
  if (queryRows < d.exactRows || keyRows <= blockRows) {
    d.attend(numbered(d.queryOrder, queries), numbered(d.keyOrder, keys), 1, false);
    return;
  }
  const queryOrder = sortedByHash(d.queryOrder, d.counts, d.queryHashes, queries);
  const keyOrder = sortedByHash(d.keyOrder, d.counts, d.keyHashes, keys);
  const positions = new Int32Array(sampleRows);
  d.draw(positions, keyRows);
  positions.sort();
  positions.forEach((position, i) => {
    sampled[i] = keyOrder[position]!;
  });
  const weight = keyRows / sampleRows;
  for (let from = 0, before = 0, behind = 0; from < queryRows; from += blockRows) {
    while (before < sampleRows && positions[before]! < from) before++;
    while (behind < sampleRows && positions[behind]! < from + blockRows) behind++;
    const block = queryOrder.subarray(from, from + blockRows);
    d.attend(block, keyOrder.subarray(from, from + blockRows), 1, false);
    d.attend(block, sampled.subarray(0, before), weight, false);
    d.attend(block, sampled.subarray(behind, sampleRows), weight, false);
  }
}

/** The numbers of a range's rows, in their order. */
function numbered(order: Int32Array, { from, to }: Range): Int32Array {
  const rows = order.subarray(0, to - from);
  for (let i = 0; i < rows.length; i++) rows[i] = from + i;
  return rows;
}

/** The numbers of a range's rows by increasing hash; rows of one hash stay in their order. */
function sortedByHash(
  order: Int32Array,
  counts: Int32Array,
  hashes: Int32Array,
  { from, to }: Range,
): Int32Array {
  counts.fill(0);
  for (let row = from; row < to; row++) counts[hashes[row]!]!++;
  let start = 0;
  for (let hash = 0; hash < counts.length; hash++) {
    start += counts[hash]!;
    counts[hash] = start - counts[hash]!;
  }
  for (let row = from; row < to; row++) order[counts[hashes[row]!]!++] = row;
  return order.subarray(0, to - from);
}
