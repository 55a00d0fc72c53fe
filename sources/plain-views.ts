/**
 * View columns (Utf8View, BinaryView, as Polars writes them) as Utf8 and Binary, which everything here reads.
 */
import { type Data, DataType, Schema } from 'apache-arrow';
import { emptyData } from './empty-data.js';
import { gather } from './gather.js';
import { allRows, isView } from './picks.js';

/** A column without views; the same one if it had none. */
export const withoutViews = (data: Data): Data =>
  hasViews(data.type) ? gather([data], allRows(data.length)) : data;

/** The schema of columns that `withoutViews` gives. Throws at a type that does not exist. */
export function schemaWithoutViews(schema: Schema): Schema {
  const types = schema.fields.map(({ type }) => withoutViews(emptyData(type)).type);
  if (types.every((type, i) => type === schema.fields[i]!.type)) return schema;
  const fields = schema.fields.map((field, i) => field.clone({ type: types[i]! }));
  return new Schema(fields, schema.metadata);
}

function hasViews(type: DataType): boolean {
  if (DataType.isDictionary(type)) return hasViews(type.dictionary);
  return isView(type) || (type.children ?? []).some((field) => hasViews(field.type));
}
