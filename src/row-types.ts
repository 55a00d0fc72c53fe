/**
 * What a column holds a row, as operators name it: an array of a fixed shape (layout.ts), or one of the types here, whose
 * rows differ in length or are ids.
 */
import { type AnyArray, type Arrays, type ArrayType, type Dtype, u8 } from './layout.js';

/** Rows of any length: row `t` holds the elements `offsets[t]` … `offsets[t + 1] − 1`; the first offset need not be 0. */
export interface Varying<A extends ArrayLike<unknown> = AnyArray> {
  readonly offsets: Int32Array;
  /** `element.length` numbers an element. */
  readonly values: A;
}

/** A list of elements a row, or text or bytes, whose elements are bytes. */
export interface ListType<D extends Dtype = Dtype> {
  readonly kind: 'list' | 'utf8' | 'binary';
  readonly element: ArrayType<D>;
}

/** An id a row: an integer of up to 64 bits, seen as a bigint, or text. */
export type Id = bigint | string;

export interface KeyType {
  readonly kind: 'key';
}

/** A list of ids a row. Only written: they come out in the type that the ids came in with. */
export interface KeyListType {
  readonly kind: 'keys';
}

export type RowType = (ArrayType | ListType | KeyType | KeyListType) & { readonly optional?: true };
export type RowTypes = Readonly<Record<string, RowType>>;

/** A column as a step sees it. */
export type ColumnView = AnyArray | Varying | readonly Id[] | Varying<readonly Id[]>;

type PresentView<T> =
  T extends ArrayType<infer D>
    ? Arrays[D]
    : T extends ListType<infer D>
      ? Varying<Arrays[D]>
      : T extends KeyType
        ? readonly Id[]
        : T extends KeyListType
          ? Varying<readonly Id[]>
          : never;

/** What a step sees of a column; undefined where it may be absent and is. */
export type ViewOf<T> = T extends { readonly optional: true } ? PresentView<T> | undefined : PresentView<T>;
export type RowViews<C> = { readonly [N in keyof C]: ViewOf<C[N]> };

/** Bytes: Binary and LargeBinary, FixedSizeBinary, and text as its UTF-8. */
export const binary = (): ListType<'u8'> => ({ kind: 'binary', element: u8() });

/** Text as UTF-8 bytes: Utf8 and LargeUtf8, plain or dictionary-encoded. */
export const utf8 = (): ListType<'u8'> => ({ kind: 'utf8', element: u8() });

/** Lists of `element`: List<Float32> or, for vectors, List<FixedSizeList<Float32>[K]> (a flat list of K n floats is read as n). */
export const list: {
  <D extends Dtype>(element: ArrayType<D>): ListType<D>;
  (element: KeyType): KeyListType;
} = (element: ArrayType | KeyType): never =>
  (isKey(element) ? { kind: 'keys' } : { kind: 'list', element }) as never;

/** Ids: integers of any width, or text. */
export const key = (): KeyType => ({ kind: 'key' });

/** The same column, which may be absent. */
export const optional = <T extends RowType>(type: T): T & { readonly optional: true } => ({
  ...type,
  optional: true,
});

export const isArrayType = (type: RowType): type is ArrayType => 'dtype' in type;
export const isListType = (type: RowType): type is ListType => 'element' in type;
export const isKey = (type: RowType): type is KeyType => 'kind' in type && type.kind === 'key';

/** The columns of a record that hold arrays of a fixed shape. */
export const arraysAmong = (types: RowTypes): Record<string, ArrayType> =>
  Object.fromEntries(
    Object.entries(types).filter((entry): entry is [string, ArrayType] => isArrayType(entry[1])),
  );
