/**
 * What the delta rules have in common: options, output, state. No part of a chunk waits in the state: S is always the
 * matrix after the last row.
 */
import { f32, i32, startingAt } from '../../src/layout.js';
import { type checkMatrix, type MatrixOptions, matrixOptions } from './constant-decay.js';

export interface DeltaOptions extends MatrixOptions {
  /** Rows C that pass over a part of the state together, 16 or 32 (default 16): speed alone, no result depends on it. */
  readonly chunkRows?: number;
}

export const deltaOptions = {
  ...matrixOptions,
  chunkRows:
    'rows that pass over a part of the state together, 16 or 32 (default 16); results do not depend on it',
};

type Delta = ReturnType<typeof checkMatrix>;

export const deltaOutput = ({ heads: H, valueDim: V }: Delta) => ({ o: f32(H * V) });

/** `position` counts rows modulo 256, the grid on which the kernels flush what is negligible. */
export const deltaState = ({ heads: H, keyDim: K, valueDim: V }: Delta) => ({
  S: f32(H, K, V),
  position: i32(1),
});

/** The same where the memory fades: by how much it has since it was last flushed. */
export const fadingState = (options: Delta) => ({
  ...deltaState(options),
  faded: startingAt(f32(options.heads), 1),
});

export function advance(position: Int32Array, T: number): void {
  position[0] = (position[0]! + T) % 256;
}
