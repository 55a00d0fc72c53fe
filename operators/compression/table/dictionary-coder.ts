/**
 * The dictionaries that a leaf of indices points into, batch after batch.
 *
 * The first one may be inlined: where its entries are text in the order in which the rows use them, they come with the
 * rows as new symbols do. Any other is told as a table before the rows: nothing where it is known, what is behind the
 * known entries where it goes on, else all of it.
 */
import {
  Table as ArrowTable,
  type Data,
  type DataType,
  tableFromIPC,
  tableToIPC,
  Vector,
} from 'apache-arrow';
import { corruptInput } from '../../../src/errors.js';
import { columnFromTable } from './arrow-from-table.js';
import { Places } from './column.js';
import { FieldWriter } from './fields.js';
import type { LeafCoder } from './leaf-coder.js';
import type { NumberArray } from './number-transform.js';
import { sameBytes } from './symbol-table.js';
import type { Leaf, Table } from './table.js';
import type { SavedTable, TableCoder } from './table-coder.js';
import { tableFromVector } from './table-from-arrow.js';
import { TextColumn } from './text-column.js';

const MODE = { inline: 0, same: 1, extended: 2, fresh: 3 } as const;

export interface SavedDictionary {
  readonly mode: boolean | undefined;
  /** All entries, as an Arrow stream of one column. */
  readonly vector: Uint8Array | undefined;
  readonly vectorLength: number;
  readonly entries: SavedTable;
}

export class DictionaryCoder {
  readonly #leaf: LeafCoder;
  readonly #fields: TableCoder;
  readonly #entries: TableCoder;
  readonly #type: DataType;
  #isInline: boolean | undefined;
  /** What the encoder knows of the dictionary before: the object, and all entries. */
  #identity: Vector | undefined;
  #known: Table | undefined;
  /** The dictionary as the decoder gives it, and of how many symbols it was made. */
  vector: Vector | undefined;
  #vectorLength = 0;
  #told: Table | undefined;

  constructor(leaf: LeafCoder, fields: TableCoder, entries: TableCoder, type: DataType) {
    this.#leaf = leaf;
    this.#fields = fields;
    this.#entries = entries;
    this.#type = type;
  }

  save(): SavedDictionary {
    const vector = this.vector ?? this.#identity;
    return {
      mode: this.#isInline,
      vector: vector && tableToIPC(new ArrowTable({ entries: vector })),
      vectorLength: this.#vectorLength,
      entries: this.#entries.save(),
    };
  }

  restore({ mode, vector, vectorLength, entries }: SavedDictionary): void {
    this.#isInline = mode;
    this.#entries.restore(entries);
    this.#vectorLength = vectorLength;
    if (vector === undefined) return;
    this.vector = tableFromIPC(vector).getChildAt(0)!;
    this.#known = tableFromVector(this.vector);
  }

  /** The entries that this batch tells. */
  get told(): Table | undefined {
    const text = this.#leaf.cells[0]?.symbols?.text;
    return text ? { rows: text.length, leaves: [{ nulls: undefined, text }], tables: [] } : this.#told;
  }

  /** Tells what is new of the leaf's dictionary; the leaf gets the text of its rows where it is inlined. */
  encode(leaf: Leaf): void {
    const { identity, length, entries } = leaf.dictionary!;
    if (this.#isInline !== false) {
      const text = this.#inlined(leaf, entries(0));
      this.#isInline = text !== undefined;
      if (text !== undefined) {
        leaf.text = text;
        this.#put(MODE.inline, 0);
        return;
      }
    }
    this.#told = undefined;
    if (identity !== this.#identity) this.#putEntries(entries(0), length);
    else this.#put(MODE.same, 0);
    this.#identity = identity;
    this.#leaf.entries = length;
  }

  /** Reads what is new of the dictionary. */
  decode(): void {
    const fields = this.#fields.takeFields();
    const mode = fields.take(MODE.fresh);
    if (mode === MODE.inline && this.#isInline !== false) {
      this.#isInline = true;
      return;
    }
    this.#isInline = false;
    this.#told = undefined;
    if (mode === MODE.same && this.vector !== undefined) return;
    if (mode === MODE.inline || mode === MODE.same || (mode === MODE.extended && this.vector === undefined)) {
      throw corruptInput('decompressBatches', 'dictionary', 'one that is told', 'none');
    }
    const table = this.#entries.decode(fields.take(2 ** 31));
    this.#told = table;
    const added = new Vector([this.#column(table)]);
    if (mode === MODE.fresh) this.#forget();
    this.vector = mode === MODE.fresh ? added : this.vector!.concat(added);
    this.#leaf.entries = this.vector.length;
  }

  /** The rows are decoded: an inlined dictionary has what they added to it. */
  decoded(): void {
    const { texts, length } = this.#leaf.symbols;
    if (!this.#isInline || (this.vector !== undefined && length === this.#vectorLength)) return;
    const text = new TextColumn();
    for (let i = 0; i < length; i++) text.append(texts.at(i));
    this.vector = new Vector([
      this.#column({ rows: length, leaves: [{ nulls: undefined, text }], tables: [] }),
    ]);
    this.#vectorLength = length;
  }

  #column(table: Table): Data {
    return columnFromTable(this.#type, table);
  }

  #putEntries(table: Table, length: number): void {
    const known = this.#known;
    const goesOn = known !== undefined && startsWith(table, known);
    this.#known = table;
    if (known !== undefined && sameTable(table, known)) {
      this.#put(MODE.same, 0);
      return;
    }
    const from = goesOn ? known.rows : 0;
    if (!goesOn) this.#forget();
    this.#put(goesOn ? MODE.extended : MODE.fresh, length - from);
    this.#told = goesOn ? rest(table, from) : table;
    this.#entries.encode(this.#told);
  }

  #put(mode: number, rows: number): void {
    const fields = new FieldWriter();
    fields.put(mode);
    if (mode >= MODE.extended) fields.put(rows);
    this.#fields.putFields(fields.bytes);
  }

  /** A dictionary that has nothing to do with the one before: its places have not appeared. */
  #forget(): void {
    this.#leaf.places = new Places(0);
    for (const column of this.#leaf.columns) column.symbols = 0;
  }

  /** The text of the leaf's rows, where the dictionary is no more than what they say in order. */
  #inlined(leaf: Leaf, { rows, leaves, tables }: Table): TextColumn | undefined {
    const [entries] = leaves;
    if (entries?.text === undefined || entries.nulls !== undefined || tables.length > 0) return undefined;
    const { symbols } = this.#leaf;
    for (let i = 0; i < symbols.length; i++) {
      if (i >= rows || !sameBytes(symbols.texts.at(i), entries.text.at(i))) return undefined;
    }
    let appeared = symbols.length;
    const text = new TextColumn();
    const indices = leaf.numbers as Int32Array;
    for (let row = 0; row < indices.length; row++) {
      if (leaf.nulls?.[row]) continue;
      const index = Number(indices[row]);
      if (!(index >= 0 && index <= appeared && index < rows)) return undefined;
      if (index === appeared) appeared++;
      text.append(entries.text.at(index));
    }
    return appeared === rows && isDistinct(entries.text) ? text : undefined;
  }
}

/** Whether no entry is there twice: then a string says which entry is meant. */
function isDistinct(text: TextColumn): boolean {
  const seen = new Set<string>();
  for (let i = 0; i < text.length; i++) seen.add(String.fromCharCode(...text.at(i).subarray(0, 4096)));
  return seen.size === text.length;
}

/** Whether a table of one leaf of text begins with the rows of another; tables of other kinds are told anew. */
function startsWith(table: Table, known: Table): boolean {
  const [leaf] = table.leaves;
  const [before] = known.leaves;
  if (leaf?.text === undefined || before?.text === undefined || leaf.nulls || before.nulls) return false;
  if (known.rows > table.rows) return false;
  for (let i = 0; i < known.rows; i++) if (!sameBytes(leaf.text.at(i), before.text.at(i))) return false;
  return true;
}

function sameTable(a: Table, b: Table): boolean {
  return (
    a.rows === b.rows &&
    a.leaves.every((leaf, i) => sameLeaf(leaf, b.leaves[i]!)) &&
    a.tables.every((table, i) => sameTable(table, b.tables[i]!))
  );
}

function sameLeaf(a: Leaf, b: Leaf): boolean {
  return (
    sameArray(a.nulls, b.nulls) &&
    sameArray(a.numbers, b.numbers) &&
    sameText(a.text, b.text) &&
    a.dictionary?.identity === b.dictionary?.identity
  );
}

function sameText(a: TextColumn | undefined, b: TextColumn | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const lengths = (text: TextColumn) => text.offsets.subarray(0, text.length + 1);
  return sameArray(lengths(a), lengths(b)) && sameArray(contentOf(a), contentOf(b));
}

const contentOf = ({ bytes, offsets, length }: TextColumn) => bytes.subarray(0, offsets[length]!);

function sameArray(a: NumberArray | undefined, b: NumberArray | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && sameBytes(rawBytes(a), rawBytes(b));
}

const rawBytes = ({ buffer, byteOffset, byteLength }: NumberArray) =>
  new Uint8Array(buffer, byteOffset, byteLength);

function rest(table: Table, from: number): Table {
  const text = new TextColumn();
  for (let i = from; i < table.rows; i++) text.append(table.leaves[0]!.text!.at(i));
  return { rows: table.rows - from, leaves: [{ nulls: undefined, text }], tables: [] };
}
