/**
 * The gated recurrence of HGRN: h_t = e^g_t h_(t-1) + x_t, element by element.
 *
 * The twin of `scan.c`, with the same bits. Shapes: h [D] and logDecay [D] float64, the sum of all g so far; x, g, o
 * [T, D]. `position` counts the rows before this call, modulo 256: the caller advances it.
 */
import { fade } from './fade.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite, LOG2_E } from './math.js';
import { FLUSH_ROWS, flushNegligible } from './negligible.js';
import { wasm } from './wasm/scan.js';

export function gatedScan(
  h: Float32Array,
  logDecay: Float64Array,
  x: Float32Array,
  g: Float32Array,
  o: Float32Array,
  T: number,
  D: number,
  position: number,
): void {
  for (let t = 0; t < T; t++) {
    for (let d = 0, at = t * D; d < D; d++, at++) {
      logDecay[d]! += g[at]!;
      h[d] = fade(h[d]!, Math.fround(g[at]! * LOG2_E)) + x[at]!;
      o[at] = h[d]!;
    }
    if ((position + t + 1) % FLUSH_ROWS === 0) flushNegligible(h, D);
  }
}

export const scanKernels = defineKernels('scan', wasm, { firstNonFinite, firstAbove, gatedScan });
