/**
 * N-gram mixer: how surprising each row is to a mixture of n-gram contexts that learns from the rows before it.
 *
 *   p_i = map_i(bit history in context i),  z_s = w_s . (log(p_i / (1 - p_i)), ...) for each set of weights s
 *   P(bit) = the mean of what adaptive maps make of the mix of all z_s;  w_s += rate (bit - sigmoid(z_s)) inputs
 *   bits = sum of -log2 P(bit),  bitsPerByte = bits / bytes
 *
 * In      bytes        Binary or Utf8
 * Out     bits         Float64, what the row and the separator behind it cost
 *         bitsPerByte  Float32, the same for each byte, 0 for an empty row without separator
 * State   the model, 125 MB (level 1) to 0.5 GB (level 9), 2^tableShift smaller
 * Cost    O(bytes contexts sets); no growth with stream length
 * Error   WASM and the TypeScript twin give the same bits
 * Nulls   an error that names the row
 * Differs contexts, bit histories and mixing after PAQ and lpaq, with float weights and own contexts
 * Source  Mahoney, Adaptive Weighing of Context Models for Lossless Data Compression, 2005
 */
import { defineModelOperator } from './model-operator.js';

export const ngramMixer = defineModelOperator({
  name: 'ngramMixer',
  version: 1,
  summary: 'how surprising each row of bytes is to mixed n-gram contexts that learn as they read',
  parts: 'ngrams',
  examples: [{ level: 1, tableShift: 14 }],
  oracle:
    'the twin in TypeScript is the reference, and its bits are equal; decoding what was encoded is the proof',
});
