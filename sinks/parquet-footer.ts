/**
 * Parquet files of one row group each, made into one file: their pages one behind the other, and a footer for all.
 *
 *   PAR1, pages 1, footer 1, length, PARg, pages 2, footer 2, length, PARg, …, footer of all, length, PAR1
 *
 * A footer behind each row group says what is in it. Readers pass it over: they look at the last footer only. It lets a
 * file be continued, or rescued, from what is in it alone; a file that is cut off behind it does not look complete.
 */
import { decodeThrift, encodeThrift, Kind, type ThriftStruct, type ThriftValue } from './thrift.js';

/** Field numbers of `parquet.thrift`. */
enum Footer {
  Rows = 3,
  RowGroups = 4,
}
enum Group {
  Columns = 1,
  Rows = 3,
  Offset = 5,
  CompressedBytes = 6,
  Ordinal = 7,
}
enum Chunk {
  Offset = 2,
  Metadata = 3,
  OffsetIndexOffset = 4,
  OffsetIndexLength = 5,
  ColumnIndexOffset = 6,
  ColumnIndexLength = 7,
}
enum Metadata {
  CompressedBytes = 7,
  DataPage = 9,
  IndexPage = 10,
  DictionaryPage = 11,
  BloomFilter = 14,
  BloomFilterLength = 15,
}

export const MAGIC = new TextEncoder().encode('PAR1');
/** What the footer of a single row group ends with. */
export const GROUP_MAGIC = new TextEncoder().encode('PARg');
/** A footer's length, an int32, and the magic bytes. */
export const TAIL_BYTES = 4 + MAGIC.length;
/** A row group's number is an int16. */
const MOST_ORDINAL = 2 ** 15 - 1;
const OFFSETS = [Metadata.DataPage, Metadata.IndexPage, Metadata.DictionaryPage] as const;
/** What names places behind the pages, which are left out: in them, offsets would have to be moved too. */
const LEFT_OUT = [
  Chunk.OffsetIndexOffset,
  Chunk.OffsetIndexLength,
  Chunk.ColumnIndexOffset,
  Chunk.ColumnIndexLength,
];

/** The length of the footer that bytes end with. */
export const footerLength = (tail: Uint8Array): number =>
  new DataView(tail.buffer, tail.byteOffset + tail.length - TAIL_BYTES).getUint32(0, true);

/** A footer with its length and the magic bytes behind it. */
export function footerBytes(footer: ThriftStruct, magic: Uint8Array): Uint8Array {
  const thrift = encodeThrift(footer);
  const bytes = new Uint8Array(thrift.length + TAIL_BYTES);
  bytes.set(thrift);
  new DataView(bytes.buffer).setUint32(thrift.length, thrift.length, true);
  bytes.set(magic, thrift.length + 4);
  return bytes;
}

/** The footer of a whole file, which may be forgotten: what the footer says of its columns is no view of it. */
export function footerOf(file: Uint8Array): ThriftStruct {
  const end = file.length - TAIL_BYTES;
  return decodeThrift(file.slice(end - footerLength(file), end));
}

/** The row groups of a footer. */
export const rowGroupsOf = (footer: ThriftStruct): readonly ThriftStruct[] =>
  listOf(footer, Footer.RowGroups).map(structOf);

/** A footer like the given one over other row groups. */
export function footerOver(footer: ThriftStruct, groups: readonly ThriftStruct[]): ThriftStruct {
  const rows = groups.reduce((sum, group) => sum + integerAt(group, Group.Rows), 0n);
  const items = groups.map((value) => ({ kind: Kind.Struct, value }) as const);
  return new Map(footer)
    .set(Footer.Rows, { kind: Kind.I64, value: rows })
    .set(Footer.RowGroups, { kind: Kind.List, of: Kind.Struct, items });
}

/** Where the pages of a row group begin. */
export const firstByteOf = (group: ThriftStruct): number => Math.min(...spans(group).map(({ from }) => from));

/** The pages of the one row group of a whole file, and the group as it is told with its pages at `offset`. */
export function movedGroup(
  file: Uint8Array,
  offset: number,
  ordinal: number,
): { readonly pages: Uint8Array; readonly group: ThriftStruct } {
  const [group] = rowGroupsOf(footerOf(file)) as [ThriftStruct];
  const from = firstByteOf(group);
  const pages = file.subarray(from, Math.max(...spans(group).map(({ to }) => to)));
  const by = BigInt(offset - from);
  const columns = columnsOf(group).map(
    (chunk) => ({ kind: Kind.Struct, value: movedChunk(chunk, by) }) as const,
  );
  const moved: ThriftStruct = new Map(group)
    .set(Group.Columns, { kind: Kind.List, of: Kind.Struct, items: columns })
    .set(Group.Offset, { kind: Kind.I64, value: BigInt(offset) })
    .set(Group.CompressedBytes, { kind: Kind.I64, value: BigInt(pages.length) });
  moved.delete(Group.Ordinal);
  if (ordinal <= MOST_ORDINAL) moved.set(Group.Ordinal, { kind: Kind.I16, value: BigInt(ordinal) });
  return { pages, group: moved };
}

function movedChunk(chunk: ThriftStruct, by: bigint): ThriftStruct {
  const metadata: ThriftStruct = new Map(metadataOf(chunk));
  for (const field of OFFSETS) {
    if (metadata.has(field)) metadata.set(field, { kind: Kind.I64, value: integerAt(metadata, field) + by });
  }
  metadata.delete(Metadata.BloomFilter);
  metadata.delete(Metadata.BloomFilterLength);
  const moved: ThriftStruct = new Map(chunk)
    .set(Chunk.Offset, { kind: Kind.I64, value: 0n })
    .set(Chunk.Metadata, { kind: Kind.Struct, value: metadata });
  for (const field of LEFT_OUT) moved.delete(field);
  return moved;
}

/** Where the pages of each column lie. */
const spans = (group: ThriftStruct): { readonly from: number; readonly to: number }[] =>
  columnsOf(group).map((chunk) => {
    const metadata = metadataOf(chunk);
    const offsets = OFFSETS.flatMap((field) =>
      metadata.has(field) ? [Number(integerAt(metadata, field))] : [],
    );
    const from = Math.min(...offsets);
    return { from, to: from + Number(integerAt(metadata, Metadata.CompressedBytes)) };
  });

const columnsOf = (group: ThriftStruct) => listOf(group, Group.Columns).map(structOf);
const metadataOf = (chunk: ThriftStruct) => structOf(chunk.get(Chunk.Metadata)!);

function listOf(struct: ThriftStruct, field: number): readonly ThriftValue[] {
  const value = struct.get(field);
  if (value?.kind === Kind.List) return value.items;
  throw new RangeError(`field ${field} is no list`);
}

function structOf(value: ThriftValue): ThriftStruct {
  if (value.kind === Kind.Struct) return value.value;
  throw new RangeError('a value that is no struct');
}

function integerAt(struct: ThriftStruct, field: number): bigint {
  const value = struct.get(field);
  if (value?.kind === Kind.I64) return value.value;
  throw new RangeError(`field ${field} is no int64`);
}
