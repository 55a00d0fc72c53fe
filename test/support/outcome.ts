/**
 * Runs an operator over batches and keeps what can be seen of it: its output columns and its state.
 */
import { DataType, type RecordBatch } from 'apache-arrow';
import { type AnyArray, allocate } from '../../src/layout.js';
import type { OpenContext, Operator } from '../../src/operator.js';
import { readColumn } from '../../src/read-column.js';
import {
  type ColumnView,
  type Id,
  isArrayType,
  isListType,
  type RowType,
  type Varying,
} from '../../src/row-types.js';

export interface Outcome {
  /** Each output role's values, all batches end to end. */
  readonly outputs: Readonly<Record<string, ColumnView>>;
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
  const parts: Record<string, ColumnView[]> = {};
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
export function outputsOf(operator: Operator, batches: readonly RecordBatch[]): Record<string, ColumnView> {
  const { outputs, columns } = operator.description;
  return Object.fromEntries(
    Object.entries(outputs).map(([role, type]) => [
      role,
      joined(
        type,
        batches.map((batch) => viewOf(batch, columns[role]!, type)),
      ),
    ]),
  );
}

/** The values of a column of arrays, viewed. */
export function valuesOf(batch: RecordBatch, name: string): AnyArray {
  const data = batch.data.children[batch.schema.names.indexOf(name)];
  if (data === undefined) throw new Error(`no column ${name} among ${batch.schema.names.join(', ')}`);
  const leaf = DataType.isFixedSizeList(data.type) ? data.children[0]! : data;
  return (leaf.values as AnyArray).subarray(0, leaf.length);
}

/** A column as a step would see it; lists of ids as lists of ids. */
export function viewOf(batch: RecordBatch, name: string, type: RowType): ColumnView {
  if (isArrayType(type) || isListType(type) || type.kind === 'key')
    return readColumn('test', batch, name, name, type)!;
  const lists = Array.from(batch.getChild(name)!, (one) => Array.from(one as Iterable<Id>));
  const offsets = new Int32Array(lists.length + 1);
  for (const [row, ids] of lists.entries()) offsets[row + 1] = offsets[row]! + ids.length;
  return { offsets, values: lists.flat() };
}

function joined(type: RowType, parts: readonly ColumnView[]): ColumnView {
  if (isArrayType(type))
    return joinedValues(parts as readonly ArrayLike<number>[], allocate(type.dtype, 0)) as ColumnView;
  if (!isListType(type) && type.kind === 'key') return (parts as (readonly Id[])[]).flat();
  const offsets = [0];
  const values = (parts as Varying[]).map((part) => {
    const width = isListType(type) ? type.element.length : 1;
    const [first] = part.offsets;
    const last = part.offsets.at(-1)!;
    const shift = offsets.at(-1)! - first!;
    for (const offset of part.offsets.subarray(1)) offsets.push(offset + shift);
    return part.values.slice(first! * width, last * width);
  });
  const none = isListType(type) ? allocate(type.element.dtype, 0) : [];
  return { offsets: Int32Array.from(offsets), values: joinedValues(values, none) } as ColumnView;
}

/** Values end to end, of the kind of `none`. */
function joinedValues(parts: readonly ArrayLike<unknown>[], none: ArrayLike<unknown>): ArrayLike<unknown> {
  if (Array.isArray(none)) return (parts as unknown[][]).flat();
  const whole = new (none.constructor as Float32ArrayConstructor)(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part as Float32Array, at);
    at += part.length;
  }
  return whole;
}
