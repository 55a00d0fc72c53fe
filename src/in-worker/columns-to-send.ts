/**
 * Which columns of a batch a thread must see. An operator that adds columns needs those that it reads; the others stay
 * where they are, as they are, and get what the thread has made beside them.
 */
import { type RecordBatch, Schema } from 'apache-arrow';
import { selectColumns } from '../batches.js';
import { newBatch } from '../columns.js';
import type { Operator } from '../operator.js';
import { keyedBy } from '../per-key.js';

export interface ColumnsToSend {
  /** The part of a batch that the operator reads; the whole batch where it is to be refused, so that the error is right. */
  sent(batch: RecordBatch): RecordBatch;
  /** The batch with the columns that the operator has added to the part. */
  received(batch: RecordBatch, part: RecordBatch, answer: RecordBatch): RecordBatch;
}

/** Undefined where all of a batch must be sent, and what comes back is all there is. */
export function columnsToSend(operator: Operator): ColumnsToSend | undefined {
  const key = keyedBy(operator)?.column;
  if (key === undefined && operator.workspace === undefined) return undefined;
  const { inputs, outputs, columns } = operator.description;
  const roles = Object.entries(inputs).map(([role, type]) => ({
    column: columns[role]!,
    isOptional: type.optional === true,
  }));
  const read = [...roles, ...(key === undefined ? [] : [{ column: key, isOptional: false }])];
  const made = Object.keys(outputs).map((role) => columns[role]!);
  return {
    sent(batch) {
      const names = batch.schema.names as string[];
      const isRefused =
        read.some(({ column, isOptional }) => !isOptional && !names.includes(column)) ||
        made.some((column) => names.includes(column));
      if (isRefused) return batch;
      const present = read.map(({ column }) => column).filter((column) => names.includes(column));
      return selectColumns(batch, [...new Set(present)]);
    },
    received(batch, part, answer) {
      const from = part.schema.fields.length;
      const fields = [...batch.schema.fields, ...answer.schema.fields.slice(from)];
      const children = [...batch.data.children, ...answer.data.children.slice(from)];
      return newBatch(new Schema(fields, batch.schema.metadata), batch.numRows, children);
    },
  };
}
