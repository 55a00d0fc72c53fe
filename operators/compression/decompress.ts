/**
 * Decompresses what `compress` made: the level, streams and tables are those that the stream's header names.
 *
 *   bytes = inverse of compress, whatever the compressed rows are cut into
 *
 * In      compressed  Binary   the rows end to end are one compressed stream; where they are cut does not matter
 * Out     bytes       Binary   a row for each frame, given out once its checksum is right
 * State   models, the frame on its way   as much as the header asks for, at most `maxMemoryBytes`
 * Cost    O(1) per byte        work is done as compressed bytes arrive; no growth with stream length
 * Error   none: damage is CORRUPT_INPUT, an early end TRUNCATED_INPUT, and no wrong byte is given out
 * Nulls   an error that names the row
 * Format  FORMAT.md
 * Differs no known difference
 * Source  as compress
 */
import type { Codec } from '../../src/cells.js';
import { defineOperator } from '../../src/define-operator.js';
import { integer } from '../../src/options.js';
import { binary } from '../../src/row-types.js';
import { Decompressor, type DecompressorOptions, defaultMemoryBytes } from './decompressor.js';
import { joinRows } from './rows-of-bytes.js';

export interface DecompressOptions {
  /** The most bytes that models and frames may take, 1 … 2^53 (default: what level 9 takes in one stream). */
  readonly maxMemoryBytes?: number;
}

const WHO = 'decompress';

export const decompress = defineOperator({
  name: WHO,
  version: 1,
  summary: 'decompresses rows of bytes that compress made',
  options: { maxMemoryBytes: 'the most bytes that models and frames may take (default: as level 9 takes)' },
  check: (options: DecompressOptions): DecompressorOptions => ({
    maxMemoryBytes: integer(
      { maxMemoryBytes: options.maxMemoryBytes ?? defaultMemoryBytes() },
      1,
      Number.MAX_SAFE_INTEGER,
    ),
  }),
  inputs: () => ({ compressed: binary() }),
  outputs: () => ({ bytes: binary() }),
  codec: (options): Codec<Decompressor> => ({
    empty: () => new Decompressor(WHO, options),
    encode: (decompressor) => decompressor.save(),
    decode: (bytes: Uint8Array) => {
      const decompressor = new Decompressor(WHO, options);
      decompressor.restore(bytes);
      return decompressor;
    },
  }),
  emits: 'batches',
  step({ state: decompressor, emit }, { numRows, compressed }) {
    const rows: Uint8Array[] = [];
    const { offsets, values } = compressed;
    for (let t = 0; t < numRows; t++) {
      decompressor.push(values.subarray(offsets[t], offsets[t + 1]), (raw) => rows.push(raw.slice()));
    }
    if (rows.length > 0) emit({ bytes: joinRows(rows) }, rows.length);
  },
  flush({ state: decompressor }) {
    decompressor.finish();
  },
  tolerance: 0,
  examples: [{}],
  skipLaws: Object.fromEntries(
    (['oracle', 'chunk', 'resume', 'isolation', 'poison', 'edges', 'seed'] as const).map((law) => [
      law,
      'rows at random are no compressed stream, nor is a part of one: test/compression holds it to what compress made',
    ]),
  ),
});
