/**
 * One leaf of a stream of tables: what it becomes from batch to batch, and the columns that remember it.
 */
import { corruptInput } from '../../../src/errors.js';
import { chooseNumberSpec, chooseTextSpec, SYMBOLS_MOST } from './choose-spec.js';
import { type Cells, Column, Places, type Symbols } from './column.js';
import { FieldReader, FieldWriter } from './fields.js';
import { digitCells, numberCells, numbersFrom, partsOf, textFromDigits } from './leaf-cells.js';
import { type LeafSpec, putRange, putSpec, takeRange, takeSpec, unitOf } from './leaf-spec.js';
import { bitsOf } from './plan.js';
import { SymbolTable } from './symbol-table.js';
import type { Leaf, LeafType } from './table.js';
import { type Room, TextColumn, tooMuchText } from './text-column.js';

interface Range {
  least: number;
  most: number;
}

export class LeafCoder {
  readonly type: LeafType;
  readonly #firstIndex: number;
  #spec: LeafSpec | undefined;
  #ranges: Range[] = [];
  #room: Room = { bytes: 0 };
  /** Known strings of a leaf of symbols; of indices the places of a dictionary that is known. */
  symbols = new SymbolTable();
  places: Places | undefined;
  /** How many entries the dictionary of a leaf of indices has. */
  entries = 0;
  columns: Column[] = [];
  cells: Cells[] = [];
  /** Whether the columns are others than in the batch before. */
  isFresh = false;

  constructor(type: LeafType, firstIndex: number) {
    this.type = type;
    this.#firstIndex = firstIndex;
  }

  get hasTextSymbols(): boolean {
    return this.#spec?.kind === 'symbols';
  }

  save() {
    const spec = new FieldWriter();
    if (this.#spec) putSpec(spec, this.#spec);
    const { bytes, offsets, length } = this.symbols.texts;
    return {
      spec: spec.bytes,
      ranges: this.#ranges,
      text: bytes.slice(0, offsets[length]!),
      offsets: offsets.slice(0, length + 1),
      places: this.places?.save(),
      entries: this.entries,
      columns: this.columns.map((column) => column.save()),
    };
  }

  restore(state: ReturnType<LeafCoder['save']>): void {
    const { spec, ranges, text, offsets, places, entries, columns } = state;
    this.#spec = spec.length > 0 ? takeSpec(new FieldReader(spec), this.type) : undefined;
    this.#ranges = ranges;
    this.symbols = new SymbolTable(new TextColumn(text, offsets, offsets.length - 1));
    this.places = places && Places.restored(places);
    this.entries = entries;
    this.columns = columns.map(Column.restored);
  }

  /** Finds what the leaf becomes in this batch, and makes its cells. `inlined` is the text of a dictionary's rows. */
  encode(leaf: Leaf, rows: number): void {
    const { type } = this;
    const known = this.symbols.length;
    let spec: LeafSpec;
    if (type.kind === 'number') spec = chooseNumberSpec(type, leaf, rows, this.#spec);
    else if (type.kind === 'index') spec = { kind: leaf.text ? 'symbols' : 'places' };
    else spec = chooseTextSpec(type, leaf, this.#spec, this.symbols);
    if (spec.kind === 'numbers') this.cells = numberCells(leaf, spec, rows);
    else if (spec.kind === 'digits') this.cells = digitCells(leaf, rows);
    else if (spec.kind === 'places') this.cells = [this.#placeCells(leaf, rows)];
    else if (spec.kind === 'symbols') this.cells = [this.#symbolCells(leaf, rows)];
    else
      this.cells = [
        { flags: leaf.nulls, values: new Float64Array(rows), text: leaf.text!, symbols: undefined },
      ];
    this.#become(spec, spec.kind === 'symbols' ? known : 0);
    this.cells.forEach((cells, part) => {
      this.#widen(part, cells);
    });
    this.#setRanges();
  }

  /** Tells what it becomes: what is mostly as in the batch before. */
  put(fields: FieldWriter): void {
    putSpec(fields, this.#spec!);
    this.cells.forEach((cells, part) => {
      const { kind } = this.columns[part]!;
      fields.put(cells.flags === undefined ? 0 : 1);
      if (kind === 'number') putRange(fields, this.#ranges[part]!.least, this.#ranges[part]!.most);
    });
  }

  /** Tells how many symbols are new. */
  putCounts(fields: FieldWriter): void {
    if (this.hasTextSymbols) fields.put(this.cells[0]!.symbols!.text!.length);
  }

  /** Reads what the leaf becomes. */
  take(fields: FieldReader): void {
    const spec = takeSpec(fields, this.type);
    this.#become(spec, spec.kind === 'symbols' ? this.symbols.length : 0);
    this.columns.forEach((column, part) => {
      column.hasFlags = fields.take(1) === 1;
      if (column.kind === 'number') this.#ranges[part] = takeRange(fields);
    });
    this.#setRanges();
  }

  /** Makes empty cells for a batch, after `take` or with the spec of the batch before. */
  prepare(counts: FieldReader, rows: number, room: Room): void {
    if (this.type.kind === 'bytes' && rows * this.type.width > room.bytes) throw tooMuchText();
    this.#room = room;
    const spec = this.#spec!;
    const hasEscapes = spec.kind === 'numbers' && spec.hasEscapes;
    const hasText = spec.kind === 'text' || hasEscapes;
    this.cells = this.columns.map((column, part) => ({
      flags: column.hasFlags ? new Uint8Array(rows) : undefined,
      values: new Float64Array(rows),
      text: hasText && part === 0 ? new TextColumn(undefined, undefined, 0, room) : undefined,
      symbols: this.#emptySymbols(counts, room),
    }));
  }

  /** The leaf that the decoded cells stand for. */
  decoded(rows: number): Leaf {
    const spec = this.#spec!;
    const [cells] = this.cells;
    const { flags, values } = cells!;
    if (spec.kind === 'numbers') return this.#decodedNumbers(spec, rows);
    if (spec.kind === 'digits') return textFromDigits(cells!, spec.width);
    if (spec.kind === 'text') return { nulls: flags, text: cells!.text! };
    this.learnSymbols();
    const most = spec.kind === 'places' ? this.entries : this.symbols.length;
    for (let row = 0; row < rows; row++) {
      if (!flags?.[row] && !(values[row]! < most)) throw outside(`symbol below ${most}`, values[row]!);
    }
    if (this.type.kind === 'index') return { nulls: flags, numbers: Int32Array.from(values) };
    const text = new TextColumn(undefined, undefined, 0, this.#room);
    for (let row = 0; row < rows; row++) if (!flags?.[row]) text.append(this.symbols.texts.at(values[row]!));
    return { nulls: flags, text };
  }

  /** Takes in the strings that were new in this batch. */
  learnSymbols(): void {
    const fresh = this.cells[0]?.symbols?.text;
    if (fresh === undefined) return;
    for (let i = 0; i < fresh.length; i++) this.symbols.add(fresh.at(i));
  }

  #decodedNumbers(spec: Extract<LeafSpec, { kind: 'numbers' }>, rows: number): Leaf {
    const type = this.type as Extract<LeafType, { kind: 'number' }>;
    const leaf = numbersFrom(type, spec, this.cells, rows);
    if (type.among) {
      for (const n of leaf.numbers as Int8Array) {
        if (!type.among.includes(n)) throw outside(`one of ${type.among.join(', ')}`, n);
      }
    }
    return leaf;
  }

  #symbolCells(leaf: Leaf, rows: number): Cells {
    const { nulls, text } = leaf;
    const values = new Float64Array(rows);
    const fresh = new SymbolTable();
    const known = this.symbols.length;
    for (let row = 0, i = 0; row < rows; row++) {
      if (nulls?.[row]) continue;
      const bytes = text!.at(i++);
      let symbol = this.symbols.find(bytes);
      if (symbol < 0) {
        const found = fresh.find(bytes);
        symbol = known + (found < 0 ? fresh.add(bytes) : found);
      }
      values[row] = symbol;
    }
    const most = known + fresh.length;
    const symbols = { most, bits: bitsOf(Math.max(0, most - 1)), text: fresh.texts };
    return { flags: nulls, values, text: undefined, symbols };
  }

  #placeCells({ nulls, numbers }: Leaf, rows: number): Cells {
    const values = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      if (nulls?.[row]) continue;
      values[row] = Number(numbers![row]);
      if (!(values[row]! >= 0 && values[row]! < this.entries)) {
        throw outside(`a dictionary index below ${this.entries}`, values[row]!);
      }
    }
    return { flags: nulls, values, text: undefined, symbols: this.#placeSymbols() };
  }

  #placeSymbols(): Symbols {
    this.places ??= new Places(0);
    if (this.places.symbols.length < this.entries) this.places = new Places(this.entries, this.places);
    return { most: this.entries, bits: bitsOf(Math.max(0, this.entries - 1)), places: this.places };
  }

  #emptySymbols(counts: FieldReader, room: Room): Symbols | undefined {
    const { kind } = this.#spec!;
    if (kind === 'places') return this.#placeSymbols();
    if (kind !== 'symbols') return undefined;
    const most = this.symbols.length + counts.take(SYMBOLS_MOST);
    return { most, bits: bitsOf(Math.max(0, most - 1)), text: new TextColumn(undefined, undefined, 0, room) };
  }

  /** Makes columns for a spec, or keeps those of the batch before where they mean the same. */
  #become(spec: LeafSpec, symbols: number): void {
    const before = this.#spec;
    const isSame =
      before?.kind === spec.kind && partsOf(before) === partsOf(spec) && unitOf(before) === unitOf(spec);
    this.#spec = spec;
    this.isFresh = !isSame;
    if (isSame) return;
    const kind =
      spec.kind === 'places' || spec.kind === 'symbols' ? 'symbol' : spec.kind === 'text' ? 'text' : 'number';
    this.columns = Array.from({ length: partsOf(spec) }, (_, part) => {
      const column = new Column(this.#firstIndex + part, kind);
      column.unit = part === 0 ? unitOf(spec) : -1;
      column.symbols = symbols;
      return column;
    });
    this.#ranges = this.columns.map(() => ({ least: 0, most: -1 }));
  }

  #widen(part: number, { flags, values }: Cells): void {
    const column = this.columns[part]!;
    column.hasFlags = flags !== undefined;
    if (column.kind !== 'number') return;
    let { least, most } = this.#ranges[part]!;
    for (let row = 0; row < values.length; row++) {
      if (flags?.[row]) continue;
      const value = values[row]!;
      if (most < least) least = most = value;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    this.#ranges[part] = { least, most: Math.max(least, most) };
  }

  #setRanges(): void {
    this.columns.forEach((column, part) => {
      const { least } = this.#ranges[part]!;
      const most = Math.max(least, this.#ranges[part]!.most);
      column.plan = { ...column.plan, least, most, bits: bitsOf(most - least) };
    });
  }
}

const outside = (expected: string, got: number) =>
  corruptInput('compressBatches', 'value of a column', expected, `${got}`);
