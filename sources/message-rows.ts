/**
 * Messages as rows: what their payloads and the broker say becomes columns.
 *
 * Messages wait until enough of them have said which columns there are; then each is a row, or has a flaw.
 */
import type { RecordBatch } from 'apache-arrow';
import type { Column, ColumnType } from './column-type.js';
import { ColumnsFromRows, Flaw } from './columns-from-rows.js';
import { JsonLinesFormat } from './json-lines.js';
import type { MessageKind, ResolvedMessageOptions } from './message-options.js';

/** Takes messages in and makes batches of them. */
export interface MessageTable<M> {
  /** Whether the columns are known. */
  readonly isTyped: boolean;
  /** The columns' types, for the position; null where messages bring their own. */
  readonly columns: readonly Column[] | null;
  /** Rows that wait to be a batch; before there are columns, messages that wait for those. */
  readonly rows: number;
  /** Takes one message; where it is no row and the columns are known, says why. */
  take(message: M): undefined | Flaw | Promise<undefined | Flaw>;
  /** Decides on the columns by the messages that wait, and says which are no rows; false where none of them is one. */
  settle(onFlaw: (message: M, flaw: Flaw) => void): boolean;
  /** The rows that wait. */
  batch(): RecordBatch;
}

/** A payload's format. */
interface PayloadFormat<Row> {
  parse(payload: Uint8Array): Row | Flaw;
  columns(sample: readonly Row[], given: Readonly<Record<string, ColumnType>>): Column[];
  cells(row: Row, columns: readonly Column[]): readonly unknown[] | Flaw;
}

type JsonObject = Readonly<Record<string, unknown>>;

export class MessageRows<M, Row extends object> implements MessageTable<M> {
  readonly #kind: MessageKind<M>;
  readonly #format: PayloadFormat<Row>;
  readonly #schema: Readonly<Record<string, ColumnType>>;
  readonly #about: readonly { readonly column: Column; readonly of: (message: M) => unknown }[];
  #waiting: { readonly message: M; readonly row: Row | Flaw }[] = [];
  #columns: readonly Column[] | undefined;
  #table: ColumnsFromRows | undefined;

  constructor(
    kind: MessageKind<M>,
    format: PayloadFormat<Row>,
    { schema, metadata }: ResolvedMessageOptions,
    known: readonly Column[] | undefined,
  ) {
    this.#kind = kind;
    this.#format = format;
    this.#schema = schema;
    this.#about = Object.entries(metadata).map(([name, column]) => {
      const { type, of } = kind.about[name]!;
      return { column: { name: column, type }, of };
    });
    if (known !== undefined) this.#begin(known);
  }

  get isTyped(): boolean {
    return this.#table !== undefined;
  }

  get columns(): readonly Column[] {
    return this.#columns ?? [];
  }

  get rows(): number {
    return this.#table?.rows ?? this.#waiting.length;
  }

  take(message: M): undefined | Flaw {
    const row = this.#format.parse(this.#kind.payload(message));
    if (this.#table !== undefined) return this.#add(message, row);
    this.#waiting.push({ message, row });
    return undefined;
  }

  settle(onFlaw: (message: M, flaw: Flaw) => void): boolean {
    if (this.#table !== undefined) return true;
    const sample = this.#waiting.flatMap(({ row }) => (row instanceof Flaw ? [] : [row]));
    const isSettled = sample.length > 0 || Object.keys(this.#schema).length > 0;
    if (isSettled) this.#begin(this.#format.columns(sample, this.#schema));
    for (const { message, row } of this.#waiting) {
      const flaw = this.#add(message, row);
      if (flaw !== undefined) onFlaw(message, flaw);
    }
    this.#waiting = [];
    return isSettled;
  }

  batch(): RecordBatch {
    return this.#table!.batch();
  }

  #begin(columns: readonly Column[]): void {
    this.#columns = columns;
    this.#table = new ColumnsFromRows([...columns, ...this.#about.map(({ column }) => column)]);
  }

  #add(message: M, row: Row | Flaw): undefined | Flaw {
    if (row instanceof Flaw) return row;
    const cells = this.#format.cells(row, this.#columns!);
    if (cells instanceof Flaw) return cells;
    const about = this.#about.map(({ of }) => of(message));
    return this.#table!.take([...cells, ...about]);
  }
}

/** Payloads that are one JSON object each. */
export class JsonPayload implements PayloadFormat<JsonObject> {
  readonly #lines: JsonLinesFormat;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });

  constructor(who: string, known: readonly Column[] | undefined) {
    this.#lines = new JsonLinesFormat(who, known);
  }

  parse(payload: Uint8Array): JsonObject | Flaw {
    const text = decoded(this.#decoder, payload);
    if (text instanceof Flaw) return text;
    return this.#lines.parse(text) ?? new Flaw(null, 'expected a JSON object, got nothing');
  }

  columns(sample: readonly JsonObject[], given: Readonly<Record<string, ColumnType>>): Column[] {
    return this.#lines.columns(sample, given);
  }

  cells(row: JsonObject, columns: readonly Column[]): readonly unknown[] | Flaw {
    return this.#lines.cells(row, columns);
  }
}

/** Payloads that are a row as they are. */
export class PlainPayload implements PayloadFormat<readonly unknown[]> {
  readonly #column: Column;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(format: 'bytes' | 'text') {
    this.#column = { name: format, type: format === 'bytes' ? 'binary' : 'utf8' };
  }

  parse(payload: Uint8Array): readonly unknown[] | Flaw {
    if (this.#column.type === 'binary') return [payload];
    const text = decoded(this.#decoder, payload);
    return text instanceof Flaw ? text : [text];
  }

  columns(): Column[] {
    return [this.#column];
  }

  cells(row: readonly unknown[]): readonly unknown[] {
    return row;
  }
}

function decoded(decoder: TextDecoder, payload: Uint8Array): string | Flaw {
  try {
    return decoder.decode(payload);
  } catch {
    return new Flaw(null, 'bytes that are not UTF-8');
  }
}
