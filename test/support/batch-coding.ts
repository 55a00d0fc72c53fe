/**
 * Record batches through compression and back, and what makes two of them equal.
 */
import { type Data, DataType, MapRow, type RecordBatch, type Schema, StructRow, Vector } from 'apache-arrow';
import { expect } from 'vitest';
import { compressBatches } from '../../operators/compression/compress-batches.js';
import { decompressBatches } from '../../operators/compression/decompress-batches.js';
import { encodeSchema } from '../../sinks/ipc-encoder.js';
import type { OpenContext, Operator } from '../../src/operator.js';
import { binary } from '../../src/row-types.js';
import { viewOf } from './outcome.js';

/** The smallest model there is. */
export const SMALL = { level: 1 };

/** What an operator makes of batches. */
export function runBatches(operator: Operator, batches: readonly RecordBatch[], context?: OpenContext) {
  const open = operator.open(context);
  const out: RecordBatch[] = [];
  const emit = (batch: RecordBatch) => void out.push(batch);
  for (const batch of batches) open.step(batch, emit);
  open.flush(emit);
  return out;
}

/** The compressed stream of some batches, in the pieces that it came in. */
export function compressedPieces(batches: readonly RecordBatch[], context?: OpenContext): Uint8Array[] {
  return runBatches(compressBatches(SMALL), batches, context).flatMap((batch) => piecesOf(batch));
}

export function piecesOf(batch: RecordBatch): Uint8Array[] {
  const { offsets, values } = viewOf(batch, 'compressed', binary()) as {
    offsets: Int32Array;
    values: Uint8Array;
  };
  return Array.from({ length: batch.numRows }, (_, t) => values.subarray(offsets[t], offsets[t + 1]));
}

export function roundTrip(batches: readonly RecordBatch[]): RecordBatch[] {
  return runBatches(decompressBatches(), runBatches(compressBatches(SMALL), batches));
}

/** Fails unless both streams are cut the same, with the same schema, the same nulls and the same values to the bit. */
export function expectSameBatches(got: readonly RecordBatch[], expected: readonly RecordBatch[]): void {
  expect(got.map(({ numRows }) => numRows)).toEqual(expected.map(({ numRows }) => numRows));
  expected.forEach((batch, i) => {
    expect(schemaBytes(got[i]!.schema)).toEqual(schemaBytes(batch.schema));
    batch.schema.fields.forEach(({ name }, c) => {
      const at = `batch ${i}, column ${name}`;
      expect(plainColumn(got[i]!.getChildAt(c)!), at).toEqual(plainColumn(batch.getChildAt(c)!));
      expect(entriesOf(got[i]!.data.children[c]!), at).toEqual(entriesOf(batch.data.children[c]!));
    });
  });
}

const schemaBytes = (schema: Schema) => Array.from(encodeSchema(schema).bytes);

/** A dictionary's entries in their order. */
const entriesOf = ({ type, dictionary }: Data) =>
  DataType.isDictionary(type) && dictionary ? plainColumn(dictionary) : [];

function plainColumn(column: Vector): unknown[] {
  return Array.from({ length: column.length }, (_, row) => {
    const { data } = column;
    const [first] = data;
    if (data.length === 1 && DataType.isFloat(column.type) && first!.getValid(row))
      return bitsOf(first!, row);
    return plain(column.get(row));
  });
}

/** The bytes of a float: each NaN is itself. */
function bitsOf({ values }: Data, row: number): string {
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = values as Float64Array;
  return Buffer.from(buffer, byteOffset + row * BYTES_PER_ELEMENT, BYTES_PER_ELEMENT).toString('hex');
}

function plain(value: unknown): unknown {
  if (value instanceof Vector) return Array.from({ length: value.length }, (_, i) => plain(value.get(i)));
  if (value instanceof MapRow)
    return Array.from(value as Iterable<[unknown, unknown]>, (pair) => pair.map(plain));
  if (value instanceof StructRow)
    return Object.entries(value.toJSON()).map(([name, one]) => [name, plain(one)]);
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  }
  return value;
}
