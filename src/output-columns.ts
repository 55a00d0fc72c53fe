/**
 * Output columns as batches: behind the columns of the input, or alone.
 */
import { type Data, DataType, Field, Int64, type RecordBatch, Schema, Utf8 } from 'apache-arrow';
import { arrowType, columnData, newBatch, sameFields } from './columns.js';
import { columnType } from './errors.js';
import { type AnyArray, type ArrayType, allocate } from './layout.js';
import type { ColumnView, RowTypes } from './row-types.js';

/** Schemas are made once. */
export class OutputColumns {
  readonly #who: string;
  readonly #types: RowTypes;
  readonly #names: Readonly<Record<string, string>>;
  #input: Schema | undefined;
  #appendedTo: Schema | undefined;
  /** The schema of the new columns alone. */
  #own: Schema | undefined;
  /** The type of the stream's ids, once it has shown them. */
  #ids: DataType | undefined;

  constructor(who: string, types: RowTypes, names: Readonly<Record<string, string>>) {
    this.#who = who;
    this.#types = types;
    this.#names = names;
  }

  /** Ids come out as they came in: as text, or as 64-bit integers. */
  idsLike(batch: RecordBatch, name: string): void {
    this.#ids ??= idType(DataType.isInt(batch.schema.fields.find((field) => field.name === name)?.type));
  }

  /** One fresh array per output role, for `numRows` rows. */
  allocate(numRows: number): Record<string, AnyArray> {
    const arrays: Record<string, AnyArray> = {};
    for (const role in this.#types) {
      const { dtype, length } = this.#types[role] as ArrayType;
      arrays[role] = allocate(dtype, numRows * length);
    }
    return arrays;
  }

  /** The input batch with `arrays` as further columns; no value is copied. */
  append(batch: RecordBatch, arrays: Readonly<Record<string, AnyArray>>): RecordBatch {
    const added = this.#children(arrays, batch.numRows);
    return newBatch(this.#appended(batch.schema), batch.numRows, [...batch.data.children, ...added]);
  }

  /** A batch of `arrays` alone. */
  alone(columns: Readonly<Record<string, ColumnView>>, numRows: number): RecordBatch {
    // A stream that ends right behind a restored state shows its ids here first.
    this.#ids ??= Object.values(columns)
      .map(idTypeOf)
      .find((type) => type !== undefined);
    this.#own ??= new Schema(this.#fields());
    return newBatch(this.#own, numRows, this.#children(columns, numRows));
  }

  #fields(): Field[] {
    return Object.entries(this.#types).map(
      ([role, type]) => new Field(this.#names[role]!, arrowType(type, this.#ids), false),
    );
  }

  #children(columns: Readonly<Record<string, ColumnView>>, numRows: number): Data[] {
    return Object.entries(this.#types).map(([role, type]) =>
      columnData(type, columns[role]!, numRows, this.#ids),
    );
  }

  #appended(input: Schema): Schema {
    if (this.#appendedTo !== undefined && sameFields(this.#input!, input)) return this.#appendedTo;
    for (const role in this.#types) {
      const name = this.#names[role]!;
      if (input.fields.some((field) => field.name === name)) {
        const advice = `Name the output otherwise with columns: { ${role}: '…' }.`;
        throw columnType(
          this.#who,
          name,
          'a name that is free for the output',
          'a column of the input',
          advice,
        );
      }
    }
    this.#input = input;
    this.#appendedTo = new Schema([...input.fields, ...this.#fields()], input.metadata);
    return this.#appendedTo;
  }
}

const idType = (isInteger: boolean): DataType => (isInteger ? new Int64() : new Utf8());

/** The type of the ids in a column; undefined where there are none. */
export function idTypeOf(view: ColumnView): DataType | undefined {
  const [first] = ('offsets' in view ? view.values : view) as unknown as readonly unknown[];
  return typeof first === 'string' ? new Utf8() : typeof first === 'bigint' ? new Int64() : undefined;
}
