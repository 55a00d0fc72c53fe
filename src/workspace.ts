/**
 * The memory one opened operator works in: cells of state, constants, scratch, and blocks that rows pass through.
 *
 * An operator with kernels has one arena. Its rows are copied in and out in blocks of 64; the kernel sees nothing
 * but the arena. An operator without kernels is handed the columns themselves.
 */
import type { RecordBatch } from 'apache-arrow';
import { type Cells, CodecCells, LayoutCells } from './cells.js';
import type { AnyDefinition } from './define-operator.js';
import { type DataflowError, limitExceeded, notFinite, outOfDomain } from './errors.js';
import { ARENA_BYTES_MAX, type Arena, openArena } from './kernels/kernel.js';
import { firstAbove, firstBelow, firstNonFinite } from './kernels/math.js';
import {
  type AnyArray,
  type ArrayType,
  type ArrayTypes,
  aligned,
  type Layout,
  layoutOf,
  viewsOf,
} from './layout.js';
import { gather, pickRows, type RowNumbers, scatter } from './move-rows.js';
import type { Emit, OpenContext } from './operator.js';
import { OutputColumns } from './output-columns.js';
import { readColumn } from './read-column.js';
import {
  arraysAmong,
  type ColumnView,
  isArrayType,
  isKey,
  isListType,
  type RowType,
  type RowTypes,
  type Varying,
} from './row-types.js';

/** Rows of a block, which stay in the second level cache. */
const BLOCK_ROWS = 64;

/** Everything about an operator that is known once its options are: made at the call, shared by all that is opened. */
export interface Plan {
  readonly definition: AnyDefinition;
  readonly options: object;
  readonly inputs: RowTypes;
  readonly outputs: RowTypes;
  readonly columns: Readonly<Record<string, string>>;
  readonly layout: Layout;
  readonly constants: Readonly<Record<string, AnyArray>>;
  readonly scratch: Layout;
}

export type Columns = Readonly<Record<string, ColumnView | undefined>>;
type Arrays = Readonly<Record<string, AnyArray>>;

export class Workspace {
  readonly cells: Cells;
  readonly outputs: OutputColumns;
  readonly #plan: Plan;
  readonly #arena: Arena;
  readonly #context: Mutable<Parameters<AnyDefinition['step']>[0]>;
  /** The arrays of the rows that a kernel sees, where there are kernels. */
  readonly #block: Arrays | undefined;
  /** These and the columns that lie elsewhere, as a step gets them. */
  readonly #rows: StepRows;
  #emit: Emit = () => {};

  constructor(plan: Plan, cells: number, context: OpenContext = {}) {
    const { definition, options, layout, inputs, outputs, constants, scratch } = plan;
    const inBlocks = definition.kernels !== undefined && definition.passing !== 'columns';
    const rowTypes = arraysAmong({ ...inputs, ...outputs });
    const blocks = layoutOf(inBlocks ? blocksOf(rowTypes, BLOCK_ROWS) : {});
    const constantsBytes = Object.values(constants).reduce(
      (sum, array) => sum + aligned(array.byteLength),
      0,
    );
    const stateBytes = layout.byteLength * cells;
    const bytes = stateBytes + constantsBytes + scratch.byteLength + blocks.byteLength;
    if (bytes > ARENA_BYTES_MAX - BLOCK_ROWS * 1024) {
      throw limitExceeded(definition.name, 'arena bytes', ARENA_BYTES_MAX, 'Lower maxKeys or the widths.');
    }
    this.#plan = plan;
    this.#arena = definition.kernels
      ? openArena(definition.kernels, bytes, context.backend, definition.threads?.(options))
      : {
          backend: 'typescript',
          buffer: new ArrayBuffer(bytes),
          base: 0,
          kernels: checks,
          together: () => [],
        };
    const { buffer, base, kernels, together } = this.#arena;
    this.cells = definition.codec
      ? new CodecCells(definition.codec(options))
      : new LayoutCells(definition.name, layout, buffer, base);
    let end = base + stateBytes;
    const inArena: Record<string, AnyArray> = {};
    for (const [name, values] of Object.entries(constants)) {
      const copy = new (values.constructor as Float32ArrayConstructor)(buffer, end, values.length);
      copy.set(values as Float32Array);
      inArena[name] = copy;
      end += aligned(values.byteLength);
    }
    const scratchViews = viewsOf(scratch, buffer, end);
    const blockViews = viewsOf<ArrayTypes>(blocks, buffer, end + scratch.byteLength);
    if (context.poison !== undefined) new Uint8Array(buffer, end).fill(context.poison);
    this.#block = inBlocks ? blockViews : undefined;
    this.#rows = { ...blockViews, numRows: 0 } as StepRows;
    this.outputs = new OutputColumns(definition.name, outputs, plan.columns);
    this.#context = {
      options,
      state: undefined,
      constants: inArena,
      scratch: scratchViews,
      kernels,
      together,
      emit: (values, numRows) => this.#emit(this.outputs.alone(values, numRows)),
      check: () => {},
    };
  }

  /** Makes a cell's state the one that steps work on. */
  select(cell: number): void {
    this.#context.state = this.cells.select(cell);
  }

  /** The batch's input columns, checked for presence, type, width and nulls. */
  read(batch: RecordBatch): Columns {
    const { definition, inputs, columns } = this.#plan;
    const read: Record<string, ColumnView | undefined> = {};
    for (const role in inputs) {
      const type = inputs[role]!;
      read[role] = readColumn(definition.name, batch, role, columns[role]!, type);
      if (isKey(type)) this.outputs.idsLike(batch, columns[role]!);
    }
    return read;
  }

  /**
   * Steps the selected state over `count` rows: all of them in order, or those whose numbers `rows` lists. Results
   * land in the same rows of `out`.
   */
  step(columns: Columns, rows: RowNumbers, count: number, out: Arrays, emit: Emit): void {
    this.#emit = emit;
    if (this.#block === undefined) this.#stepWhole(columns, rows, count, out);
    else
      for (let from = 0; from < count; from += BLOCK_ROWS) {
        this.#stepBlock(columns, rows, from, count, out);
      }
    this.#plan.definition.endBatch?.(this.#context);
  }

  flush(emit: Emit): void {
    this.#emit = emit;
    this.#plan.definition.flush?.(this.#context);
  }

  /** Folds the rows of an open chunk into the selected state, which is then as seen from outside. */
  settle(): void {
    this.#plan.definition.settle?.(this.#context);
  }

  #stepBlock(columns: Columns, rows: RowNumbers, from: number, count: number, out: Arrays): void {
    const { definition, inputs, outputs } = this.#plan;
    const numRows = Math.min(BLOCK_ROWS, count - from);
    const block = this.#rows;
    block.numRows = numRows;
    for (const role in inputs) {
      const type = inputs[role]!;
      const column = columns[role];
      if (column === undefined || !isArrayType(type)) {
        block[role] = column && pickRows(column, type, rows, from, numRows);
      } else {
        const view = this.#block![role]!;
        gather(column as AnyArray, rows, from, numRows, type.length, view);
        block[role] = view;
      }
      this.#check(role, type, block[role], rows, from, numRows);
    }
    definition.step(this.#context, block);
    for (const role in outputs) {
      if (out[role] === undefined) continue;
      scatter(this.#block![role]!, rows, from, numRows, (outputs[role] as ArrayType).length, out[role]);
    }
  }

  #stepWhole(columns: Columns, rows: RowNumbers, count: number, out: Arrays): void {
    const { definition, inputs, outputs } = this.#plan;
    const batch = { numRows: count } as StepRows;
    for (const role in inputs) {
      const type = inputs[role]!;
      const column = columns[role];
      batch[role] =
        column === undefined || rows === undefined ? column : pickRows(column, type, rows, 0, count);
      if (!isCheckedByStep(type)) this.#check(role, type, batch[role], rows, 0, count);
    }
    this.#context.check = (role) => this.#check(role, inputs[role]!, batch[role], rows, 0, count);
    const widthOf = (role: string) => (outputs[role] as ArrayType).length;
    for (const role in out)
      batch[role] = rows === undefined ? out[role] : out[role]!.slice(0, count * widthOf(role));
    definition.step(this.#context, batch);
    if (rows === undefined) return;
    for (const role in out) scatter(batch[role] as AnyArray, rows, 0, count, widthOf(role), out[role]!);
  }

  /** Refuses NaN, infinities and what the column may not hold in `count` rows at the front of `view`. */
  #check(role: string, type: RowType, view: unknown, rows: RowNumbers, from: number, count: number): void {
    if (isArrayType(type)) {
      const found = this.#firstRefused(type, view, 0, count * type.length);
      if (found < 0) return;
      const row = from + Math.floor(found / type.length);
      throw this.#refused(role, (view as Float32Array)[found]!, rows?.[row] ?? row, type);
    }
    if (!isListType(type) || view === undefined) return;
    const { offsets, values } = view as Varying;
    const { length } = type.element;
    const found = this.#firstRefused(type.element, values, offsets[0]! * length, offsets[count]! * length);
    if (found < 0) return;
    const row = from + offsets.findIndex((offset) => offset * length > found) - 1;
    throw this.#refused(role, (values as Float32Array)[found]!, rows?.[row] ?? row, type.element);
  }

  /** The index of the first refused number from `start` on and before `end`, or −1. */
  #firstRefused({ least, most, masked }: ArrayType, values: unknown, start: number, end: number): number {
    if (!(values instanceof Float32Array || values instanceof Float64Array)) return -1;
    const inArena = values instanceof Float32Array && values.buffer === this.#arena.buffer;
    const { firstNonFinite, firstAbove } = inArena ? (this.#arena.kernels as typeof checks) : checks;
    const numbers = (start === 0 ? values : values.subarray(start)) as Float32Array;
    let found = firstNonFinite(numbers, end - start);
    if (masked && numbers[found] === Number.NEGATIVE_INFINITY) {
      found = firstUnmasked(numbers, found, end - start);
    }
    if (found < 0 && most < Number.POSITIVE_INFINITY) found = firstAbove(numbers, end - start, most);
    if (found < 0 && least > Number.NEGATIVE_INFINITY) found = firstBelow(numbers, end - start, least);
    return found < 0 ? found : start + found;
  }

  #refused(role: string, value: number, row: number, { least, most }: ArrayType): DataflowError {
    const who = this.#plan.definition.name;
    const column = this.#plan.columns[role]!;
    const domain = least > Number.NEGATIVE_INFINITY ? `a number in ${least} … ${most}` : `at most ${most}`;
    return Number.isFinite(value)
      ? outOfDomain(who, column, row, domain, String(value))
      : notFinite(who, column, row, String(value));
  }
}

/** Whether a column, or what its lists hold, is checked when the step asks for it. */
const isCheckedByStep = (type: RowType) => {
  const numbers = isListType(type) ? type.element : type;
  return isArrayType(numbers) && numbers.checkedByStep === true;
};

/** The index of the first NaN or +Infinity of `numbers` from `from` on, -1 when there is none. */
function firstUnmasked(numbers: ArrayLike<number>, from: number, n: number): number {
  for (let i = from; i < n; i++) if (!(numbers[i]! < Number.POSITIVE_INFINITY)) return i;
  return -1;
}

/** What every kernel set has, for the columns of operators without kernels. */
const checks = { firstNonFinite, firstAbove };

type StepRows = Mutable<Parameters<AnyDefinition['step']>[1]>;
type Mutable<T> = { -readonly [N in keyof T]: T[N] };

const blocksOf = (types: ArrayTypes, rows: number): ArrayTypes =>
  Object.fromEntries(
    Object.entries(types).map(([role, type]) => [
      role,
      { ...type, shape: [rows, ...type.shape], length: rows * type.length },
    ]),
  );
