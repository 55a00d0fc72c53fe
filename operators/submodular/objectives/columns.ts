/**
 * Rows that are added one by one, each a column of a matrix [D, P], as the similarity kernels want the points that they compare
 * with.
 */
export interface Columns {
  count: number;
  /** Columns there is room for: a multiple of 16. */
  P: number;
  values: Float32Array;
}

/** Columns that there is room for at first where their number is not known. */
export const FIRST_ROOM = 16;

export const newColumns = (D: number, P: number): Columns => ({
  count: 0,
  P,
  values: new Float32Array(D * P),
});

export function appendColumn(columns: Columns, D: number, features: Float32Array, from: number): void {
  const { P, count } = columns;
  if (count === P) {
    const wider = newColumns(D, 2 * P);
    for (let d = 0; d < D; d++) wider.values.set(columns.values.subarray(d * P, (d + 1) * P), 2 * P * d);
    Object.assign(columns, wider, { count });
  }
  for (let d = 0; d < D; d++) columns.values[d * columns.P + count] = features[from + d]!;
  columns.count++;
}

export function copyColumns(from: Columns, to: Columns): void {
  if (to.P === from.P) to.values.set(from.values);
  else to.values = from.values.slice();
  to.P = from.P;
  to.count = from.count;
}
