/**
 * JSON lines: one object a row, one row a line.
 */
import { checked } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import { type EncodedFileOptions, encodedFileSink, fileOptions } from './encoded-file-sink.js';
import { jsonObjects } from './json-objects.js';

/**
 * Every column is a key, a null is `null`. What JSON has no literal for is text (see `cell-text.ts`): dates and
 * timestamps in ISO 8601, `NaN` and infinities by name, bytes in Base64. 64-bit integers and decimals are numbers with
 * all their digits, which `jsonLines` reads exactly; other readers may round them.
 */
export function jsonLinesSink(path: string, options: EncodedFileOptions = {}): Sink<'exactly once'> {
  const file = checked('jsonLinesSink', options, [], () => fileOptions(path, options));
  const encoder = new TextEncoder();
  return encodedFileSink('jsonLinesSink', path, file, () => (batch) => {
    const object = jsonObjects(batch);
    let lines = '';
    for (let row = 0; row < batch.numRows; row++) lines += `${object(row)}\n`;
    return encoder.encode(lines);
  });
}
