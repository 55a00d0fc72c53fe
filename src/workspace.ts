/**
 * The memory one opened operator works in: cells of state, constants, scratch, and blocks that rows pass through.
 *
 * An operator with kernels has one arena. Its rows are copied in and out in blocks of 64, which stay in the second
 * level cache; the kernel sees nothing but the arena. An operator without kernels is handed the columns themselves.
 */
import type { RecordBatch } from 'apache-arrow';
import { type Cells, CodecCells, LayoutCells } from './cells.js';
import { OutputColumns, readColumn } from './columns.js';
import type { AnyDefinition } from './define-operator.js';
import { limitExceeded, notFinite, outOfDomain } from './errors.js';
import { ARENA_BYTES_MAX, type Arena, openArena } from './kernels/kernel.js';
import { firstAbove, firstNonFinite } from './kernels/math.js';
import { type AnyArray, type ArrayTypes, aligned, type Layout, layoutOf, viewsOf } from './layout.js';
import type { Emit, OpenContext } from './operator.js';

const BLOCK_ROWS = 64;

/** Everything about an operator that is known once its options are: made at the call, shared by all that is opened. */
export interface Plan {
  readonly definition: AnyDefinition;
  readonly options: object;
  readonly inputs: ArrayTypes;
  readonly outputs: ArrayTypes;
  readonly columns: Readonly<Record<string, string>>;
  readonly layout: Layout;
  readonly constants: Readonly<Record<string, AnyArray>>;
  readonly scratch: Layout;
}

export type Columns = Readonly<Record<string, AnyArray>>;

export class Workspace {
  readonly cells: Cells;
  readonly outputs: OutputColumns;
  readonly #plan: Plan;
  readonly #arena: Arena;
  readonly #context: Mutable<Parameters<AnyDefinition['step']>[0]>;
  /** The rows a kernel sees, where there are kernels. */
  readonly #block: ({ numRows: number } & Record<string, AnyArray | number>) | undefined;

  constructor(plan: Plan, cells: number, context: OpenContext = {}) {
    const { definition, options, layout, inputs, outputs, constants, scratch } = plan;
    const blocks = layoutOf(definition.kernels ? blocksOf({ ...inputs, ...outputs }) : {});
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
      ? openArena(definition.kernels, bytes, context.backend)
      : { backend: 'typescript', buffer: new ArrayBuffer(bytes), base: 0, kernels: checks };
    const { buffer, base, kernels } = this.#arena;
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
    this.#block = definition.kernels ? { ...blockViews, numRows: 0 } : undefined;
    this.outputs = new OutputColumns(definition.name, outputs, plan.columns);
    this.#context = {
      options,
      state: undefined,
      constants: inArena,
      scratch: scratchViews,
      kernels,
      emit: () => {},
    };
  }

  /** Makes a cell's state the one that steps work on. */
  select(cell: number): void {
    this.#context.state = this.cells.select(cell);
  }

  /** The batch's input columns, checked for presence, type, width and nulls. */
  read(batch: RecordBatch): Columns {
    const { definition, inputs, columns } = this.#plan;
    const read: Record<string, AnyArray> = {};
    for (const role in inputs)
      read[role] = readColumn(definition.name, batch, role, columns[role]!, inputs[role]!);
    return read;
  }

  /**
   * Steps the selected state over `count` rows: all of them in order, or those whose numbers `rows` lists. Results
   * land in the same rows of `out`.
   */
  step(columns: Columns, rows: Int32Array | undefined, count: number, out: Columns, emit: Emit): void {
    this.#context.emit = (values, numRows) => emit(this.outputs.alone(values, numRows));
    if (this.#block === undefined) this.#stepWhole(columns, rows, count, out);
    else
      for (let from = 0; from < count; from += BLOCK_ROWS) this.#stepBlock(columns, rows, from, count, out);
  }

  flush(emit: Emit): void {
    this.#context.emit = (values, numRows) => emit(this.outputs.alone(values, numRows));
    this.#plan.definition.flush?.(this.#context);
  }

  /** Folds the rows of an open chunk into the selected state, which is then as seen from outside. */
  settle(): void {
    this.#plan.definition.settle?.(this.#context);
  }

  #stepBlock(
    columns: Columns,
    rows: Int32Array | undefined,
    from: number,
    count: number,
    out: Columns,
  ): void {
    const { definition, inputs, outputs } = this.#plan;
    const block = this.#block!;
    const numRows = Math.min(BLOCK_ROWS, count - from);
    for (const role in inputs) {
      const width = inputs[role]!.length;
      const view = block[role] as AnyArray;
      gather(columns[role]!, rows, from, numRows, width, view);
      this.#check(role, view, rows, from, numRows);
    }
    block.numRows = numRows;
    definition.step(this.#context, block as Rows);
    for (const role in outputs) {
      if (out[role] !== undefined) {
        scatter(block[role] as AnyArray, rows, from, numRows, outputs[role]!.length, out[role]);
      }
    }
  }

  /** Refuses NaN, infinities and what is above the column's most in `count` rows at the front of `values`. */
  #check(role: string, values: AnyArray, rows: Int32Array | undefined, from: number, count: number): void {
    if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
    const { definition, columns, inputs } = this.#plan;
    const { length: width, most } = inputs[role]!;
    const rowOf = (index: number) => {
      const at = from + Math.floor(index / width);
      return rows?.[at] ?? at;
    };
    const { firstNonFinite, firstAbove } =
      values instanceof Float32Array ? (this.#arena.kernels as typeof checks) : checks;
    const bad = firstNonFinite(values as Float32Array, count * width);
    if (bad >= 0) throw notFinite(definition.name, columns[role]!, rowOf(bad), String(values[bad]));
    const high =
      most < Number.POSITIVE_INFINITY ? firstAbove(values as Float32Array, count * width, most) : -1;
    if (high < 0) return;
    throw outOfDomain(definition.name, columns[role]!, rowOf(high), `at most ${most}`, String(values[high]));
  }

  #stepWhole(columns: Columns, rows: Int32Array | undefined, count: number, out: Columns): void {
    const { definition, inputs, outputs } = this.#plan;
    const batch: Record<string, AnyArray | number> = { numRows: count };
    for (const role in inputs) {
      const { length: width } = inputs[role]!;
      const column = columns[role]!;
      const values = rows === undefined ? column : gathered(column, rows, count, width);
      this.#check(role, values, rows, 0, count);
      batch[role] = values;
    }
    for (const role in out) {
      batch[role] = rows === undefined ? out[role]! : out[role]!.slice(0, count * outputs[role]!.length);
    }
    definition.step(this.#context, batch as Rows);
    if (rows === undefined) return;
    for (const role in out)
      scatter(batch[role] as AnyArray, rows, 0, count, outputs[role]!.length, out[role]!);
  }
}

/** What every kernel set has, for the columns of operators without kernels. */
const checks = { firstNonFinite, firstAbove };

type Rows = Parameters<AnyDefinition['step']>[1];
type Mutable<T> = { -readonly [N in keyof T]: T[N] };

const blocksOf = (types: ArrayTypes): ArrayTypes =>
  Object.fromEntries(
    Object.entries(types).map(([role, type]) => [
      role,
      { ...type, shape: [BLOCK_ROWS, ...type.shape], length: BLOCK_ROWS * type.length },
    ]),
  );

function gathered(column: AnyArray, rows: Int32Array, count: number, width: number): AnyArray {
  const target = new (column.constructor as Float32ArrayConstructor)(count * width);
  gather(column, rows, 0, count, width, target);
  return target;
}

/** Copies rows `from` … `from + count − 1` (of `rows`, where given) to the front of `target`. */
function gather(
  column: AnyArray,
  rows: Int32Array | undefined,
  from: number,
  count: number,
  width: number,
  target: AnyArray,
): void {
  if (rows === undefined) {
    (target as Float32Array).set(column.subarray(from * width, (from + count) * width) as Float32Array);
    return;
  }
  for (let i = 0; i < count; i++) copyRow(column, rows[from + i]! * width, target, i * width, width);
}

/** The reverse of `gather`. */
function scatter(
  block: AnyArray,
  rows: Int32Array | undefined,
  from: number,
  count: number,
  width: number,
  column: AnyArray,
): void {
  if (rows === undefined) {
    (column as Float32Array).set(block.subarray(0, count * width) as Float32Array, from * width);
    return;
  }
  for (let i = 0; i < count; i++) copyRow(block, i * width, column, rows[from + i]! * width, width);
}

/** Short rows are faster copied one by one than by a call. */
const SHORT = 32;

function copyRow(
  source: AnyArray,
  sourceAt: number,
  target: AnyArray,
  targetAt: number,
  width: number,
): void {
  if (width > SHORT) {
    (target as Float32Array).set(source.subarray(sourceAt, sourceAt + width) as Float32Array, targetAt);
    return;
  }
  for (let i = 0; i < width; i++) target[targetAt + i] = source[sourceAt + i]!;
}
