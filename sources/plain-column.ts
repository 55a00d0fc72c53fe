/**
 * Columns as their values alone: dictionaries resolved, views as Utf8 and Binary, at every depth.
 */
import { type Data, DataType } from 'apache-arrow';
import { gather } from './gather.js';
import { allRows, isView } from './picks.js';

/** A plain column of the same values; the same one if it was plain. */
export const plainColumn = (column: Data): Data =>
  isPlain(column.type) ? column : gather([column], allRows(column.length));

/** Whether a type has neither dictionaries nor views. */
export const isPlain = (type: DataType): boolean =>
  !DataType.isDictionary(type) &&
  !isView(type) &&
  (type.children ?? []).every((child) => isPlain(child.type));
