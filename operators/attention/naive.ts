/**
 * Softmax attention in float64, row by row.
 */
export {};
