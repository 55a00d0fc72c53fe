/**
 * Online model: how surprising each row is to a state space model that learns from the rows before it: an anomaly score
 * for log lines, and what an ideal coder would need for them.
 *
 *   h_t = a(byte) h_(t-1) + (1 - a(byte)) u_t,  u_t = E[byte] + R[hash of the last bytes and words]
 *   P(bit) = sigmoid(head[bits so far] . features(h_t));  everything learns by gradient from the row's own bits
 *   bits = sum of -log2 P(bit),  bitsPerByte = bits / bytes
 *
 * In      bytes        Binary or Utf8
 * Out     bits         Float64, what the row and the separator behind it cost
 *         bitsPerByte  Float32, the same for each byte, 0 for an empty row without separator
 * State   the model, about 108 MB at levels 4 to 9, 2^tableShift smaller, down to about 2 MB
 * Cost    O(bytes width1 width2), about 300 KB/s; no growth with stream length
 * Error   WASM and the TypeScript twin give the same bits
 * Nulls   an error that names the row
 * Differs a byte model without vocabulary, coded bit by bit; StateSMix predicts tokens of a known vocabulary
 * Source  the idea: StateSMix, online selective state spaces for compression; layers after Gu & Dao, Mamba, 2023,
 *         arXiv:2312.00752
 */
import { defineModelOperator } from './model-operator.js';

export const onlineModel = defineModelOperator({
  name: 'onlineModel',
  version: 1,
  summary: 'how surprising each row of bytes is to a state space model that learns as it reads',
  parts: 'ssm',
  examples: [{ level: 1, tableShift: 14 }],
  oracle:
    'the twin in TypeScript is the reference, and its bits are equal; gradients are checked in test/kernels',
});
