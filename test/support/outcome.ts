/**
 * Runs an operator over batches and keeps what can be seen of it: its output columns and its state.
 */
import { DataType, type RecordBatch } from 'apache-arrow';
import { type AnyArray, type ArrayType, allocate } from '../../src/layout.js';
import type { OpenContext, Operator } from '../../src/operator.js';

export interface Outcome {
  /** Each output role's values, all batches end to end. */
  readonly outputs: Readonly<Record<string, AnyArray>>;
  /** The state after the last row, before the stream is told that it has ended. */
  readonly snapshot: Uint8Array;
}

export interface RunSettings extends OpenContext {
  /** The state to start from. */
  readonly from?: Uint8Array | undefined;
  /** Sees each batch as it is emitted. */
  readonly onBatch?: (batch: RecordBatch) => void;
}

export function run(
  operator: Operator,
  batches: Iterable<RecordBatch>,
  { from, onBatch, ...context }: RunSettings = {},
): Outcome {
  const open = operator.open(context);
  if (from !== undefined) open.restore(from);
  const parts: Record<string, AnyArray[]> = {};
  const emit = (batch: RecordBatch) => {
    for (const [role, values] of Object.entries(outputsOf(operator, [batch]))) {
      parts[role] ??= [];
      parts[role].push(values);
    }
    onBatch?.(batch);
  };
  for (const batch of batches) open.step(batch, emit);
  const snapshot = open.snapshot();
  open.flush(emit);
  const { outputs: types } = operator.description;
  return {
    outputs: Object.fromEntries(
      Object.entries(types).map(([role, type]) => [role, joined(type, parts[role] ?? [])]),
    ),
    snapshot,
  };
}

/** The output columns of emitted batches by role, copied. */
export function outputsOf(operator: Operator, batches: readonly RecordBatch[]): Record<string, AnyArray> {
  const { outputs, columns } = operator.description;
  return Object.fromEntries(
    Object.entries(outputs).map(([role, type]) => [
      role,
      joined(
        type,
        batches.map((batch) => valuesOf(batch, columns[role]!)),
      ),
    ]),
  );
}

/** A fixed-width column's values, viewed. */
export function valuesOf(batch: RecordBatch, name: string): AnyArray {
  const data = batch.data.children[batch.schema.names.indexOf(name)];
  if (data === undefined) throw new Error(`no column ${name} among ${batch.schema.names.join(', ')}`);
  const leaf = DataType.isFixedSizeList(data.type) ? data.children[0]! : data;
  return (leaf.values as AnyArray).subarray(0, leaf.length);
}

function joined({ dtype }: ArrayType, parts: readonly AnyArray[]): AnyArray {
  const whole = allocate(
    dtype,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    (whole as Float32Array).set(part as Float32Array, at);
    at += part.length;
  }
  return whole;
}
