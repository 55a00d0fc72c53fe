/**
 * Turns records of text into batches of typed columns.
 *
 * Records wait, in order and those with a flaw among them, until the first ones have said which columns there are. Then
 * each becomes a row, or a reject; a batch is full after `batchRows` good rows, however the bytes arrived.
 */
import { corruptInput } from '../src/errors.js';
import type { Sourced } from '../src/source.js';
import type { BadRows } from './bad-rows.js';
import type { Column, ColumnType } from './column-type.js';
import { ColumnsFromRows, Flaw } from './columns-from-rows.js';
import type { FindRecord, TextPlace, TextRecord } from './text-records.js';

/** A format: how the text of a record becomes cells. It belongs to one reading and may keep what the header said. */
export interface RowFormat<Row> {
  readonly find: FindRecord;
  /** Whether the next record is the header, without which nothing can be read. */
  readonly expectsHeader: boolean;
  /** A record's content; a flaw; or undefined for a record that is no row (a blank line, the header). */
  parse(text: string): Row | Flaw | undefined;
  /** The columns, from the first rows. */
  columns(sample: readonly Row[], given: Readonly<Record<string, ColumnType>>): Column[];
  /** A cell a column, or a flaw. */
  cells(row: Row, columns: readonly Column[]): readonly unknown[] | Flaw;
}

/** What a reader works with. */
export interface ReaderSetup<Row> {
  /** Who speaks in errors, and of which file. */
  readonly who: string;
  readonly file: string;
  readonly format: RowFormat<Row>;
  readonly schema: Readonly<Record<string, ColumnType>>;
  readonly sampleRows: number;
  readonly batchRows: number;
  readonly badRows: BadRows;
}

export class RowReader<Row extends object> {
  readonly #setup: ReaderSetup<Row>;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #waiting: { readonly record: TextRecord; readonly row: Row | Flaw }[] = [];
  #rows: ColumnsFromRows | undefined;
  #place: TextPlace;
  /** Behind everything that was taken, rows or not. */
  #taken: TextPlace;
  #batches = 0;

  constructor(setup: ReaderSetup<Row>, start: TextPlace, known?: readonly Column[]) {
    this.#setup = setup;
    this.#place = start;
    this.#taken = start;
    if (known !== undefined) this.#rows = new ColumnsFromRows(known);
  }

  async *take(records: readonly TextRecord[]): AsyncGenerator<Sourced> {
    for (const record of records) {
      const row = this.#parse(record);
      if (row !== undefined) this.#waiting.push({ record, row });
      this.#taken = record.next;
    }
    const isTyped = this.#rows !== undefined;
    if (isTyped || this.#waiting.length >= this.#setup.sampleRows) yield* this.#batchesOfWaiting();
  }

  /** What is left when the input ends; without any row, a batch that has the columns, or the last bad rows, at least. */
  async *end(isFromStart: boolean): AsyncGenerator<Sourced> {
    yield* this.#batchesOfWaiting();
    this.#place = this.#taken;
    const isFirst = isFromStart && this.#batches === 0;
    if (this.#rows!.rows > 0 || isFirst || this.#setup.badRows.uncounted > 0)
      yield await this.#batch(this.#rows!);
  }

  /** What is there so far, of input that may go on later. */
  async *pause(): AsyncGenerator<Sourced> {
    if (this.#rows !== undefined || this.#waiting.length > 0) yield* this.end(false);
  }

  async *#batchesOfWaiting(): AsyncGenerator<Sourced> {
    this.#rows ??= this.#infer();
    const rows = this.#rows;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { record, row } of waiting) {
      const cells = row instanceof Flaw ? row : this.#setup.format.cells(row, rows.columns);
      const flaw = cells instanceof Flaw ? cells : rows.take(cells);
      if (flaw !== undefined) this.#reject(record, flaw);
      this.#place = record.next;
      if (rows.rows === this.#setup.batchRows) yield await this.#batch(rows);
      else if (flaw !== undefined) await this.#setup.badRows.relieve(this.#setup.batchRows);
    }
  }

  #infer(): ColumnsFromRows {
    const first = this.#waiting.slice(0, this.#setup.sampleRows);
    const sample = first.flatMap(({ row }) => (row instanceof Flaw ? [] : [row]));
    return new ColumnsFromRows(this.#setup.format.columns(sample, this.#setup.schema));
  }

  async #batch(rows: ColumnsFromRows): Promise<Sourced> {
    this.#batches++;
    const columns = rows.columns.map(({ name, type }) => [name, type]);
    const position = { bytes: this.#place.bytes, line: this.#place.line, columns };
    const batch = rows.batch();
    const { badRows } = this.#setup;
    return { batch, next: { ...position, ...(await badRows.position()) }, ...badRows.counts() };
  }

  #parse(record: TextRecord): Row | Flaw | undefined {
    const { flaw, bytes, line } = record;
    const text = decoded(this.#decoder, bytes);
    const problem = flaw ?? (text === undefined ? 'bytes that are not UTF-8' : undefined);
    if (problem === undefined) return this.#setup.format.parse(text!);
    const at = { file: this.#setup.file, line };
    if (this.#setup.format.expectsHeader)
      throw corruptInput(this.#setup.who, `line ${line}`, 'a header', problem, at);
    return new Flaw(null, problem);
  }

  #reject({ bytes, line }: TextRecord, { column, reason }: Flaw): void {
    const { badRows, who, file } = this.#setup;
    badRows.add(
      () => ({ line, column, reason, text: new TextDecoder().decode(bytes) }),
      () => {
        const at = { file, line, ...(column !== null && { column }) };
        const what = `line ${line}${column === null ? '' : `, column '${column}'`}`;
        return corruptInput(who, what, "a row that fits (or option badRows: 'skip' or a sink)", reason, at);
      },
    );
  }
}

function decoded(decoder: TextDecoder, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
