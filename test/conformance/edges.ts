/**
 * Edges: what a column may be, and what becomes of one that may not.
 */
import {
  type Data,
  Field,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  Utf8,
  util,
  vectorFromArray,
} from 'apache-arrow';
import { applyTo } from '../../src/apply.js';
import { columnData, newBatch } from '../../src/columns.js';
import { type AnyArray, type ArrayType, f64, i32, i64 } from '../../src/layout.js';
import { perKey } from '../../src/per-key.js';
import { isArrayType, type RowType, type RowTypes } from '../../src/row-types.js';
import { expectSameBits, expectSameColumn, expectSameOutcome } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { outputsOf, run } from '../support/outcome.js';
import { arraysOf, batchOf, copyOf, cutInto, mapRows, type Rows, rowsBetween } from '../support/rows.js';
import type { LawCheck, Subject } from './laws.js';

const ROWS = 90;
const BAD_ROW = 71;

const isFloat = (type: RowType) => isArrayType(type) && (type.dtype === 'f32' || type.dtype === 'f64');
const arraysIn = (types: RowTypes) =>
  Object.entries(types).filter((entry): entry is [string, ArrayType & RowType] => isArrayType(entry[1]));
const givesRows = ({ definition }: Subject) => definition.emits !== 'batches';

/** A batch whose columns are changed by `change`, role by role. */
function batchWith(
  types: RowTypes,
  rows: Rows,
  change: (role: string, data: Data) => Data | undefined,
): RecordBatch {
  const batch = batchOf(types, rows);
  const changed = batch.schema.fields.map((field, i) => {
    const data = change(field.name, batch.data.children[i]!);
    return data && { field: new Field(field.name, data.type, true), data };
  });
  const kept = changed.filter((one) => one !== undefined);
  const schema = new Schema(kept.map(({ field }) => field));
  return newBatch(
    schema,
    batch.numRows,
    kept.map(({ data }) => data),
  );
}

const emptyBatch: LawCheck = {
  law: 'edges',
  statement: 'answers a batch without rows with one, its columns in place, and keeps its state',
  applies: givesRows,
  check({ operator, rows }) {
    const { inputs, outputs, columns } = operator.description;
    const open = operator.open();
    const emitted: RecordBatch[] = [];
    const before = open.snapshot();
    open.step(batchOf(inputs, rows(0, 1)), (batch) => emitted.push(batch));
    expectSameBits(open.snapshot(), before, 'state');
    const names = [...Object.keys(inputs), ...Object.keys(outputs)].map((role) => columns[role]);
    if (emitted.length !== 1 || emitted[0]!.numRows !== 0) throw new Error('expected one batch of no rows');
    if (emitted[0]!.schema.names.join() !== names.join()) throw new Error(`expected columns ${names}`);
  },
};

/** The data of a column with the bits of `bad` missing. */
function withNull(data: Data, bad: number): Data {
  const valid = util.packBools(Array.from({ length: data.length }, (_, i) => i !== bad));
  const { type, values, children } = data;
  const own = { type, length: data.length, nullCount: 1, nullBitmap: valid };
  return makeData((children.length > 0 ? { ...own, child: children[0] } : { ...own, data: values }) as never);
}

/** The same list column with a null among a row's values. */
function withNullInside(data: Data, bad: number): Data {
  const [child] = data.children as [Data];
  const width = child.length / data.length;
  const { type, length } = data;
  return makeData({ type, length, nullCount: 0, child: withNull(child, bad * width + width - 1) } as never);
}

const nullsRefused: LawCheck = {
  law: 'edges',
  statement: 'refuses a null, alone or inside a vector, naming row and column',
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = rowsFor(ROWS, 47);
    for (const [role, type] of Object.entries(inputs)) {
      const isVector = isArrayType(type) && type.shape.length > 0;
      const damages = isVector ? [withNull, withNullInside] : [withNull];
      for (const damage of damages) {
        const batch = batchWith(inputs, rows, (name, data) => (name === role ? damage(data, BAD_ROW) : data));
        const at = { row: BAD_ROW, column: role };
        const error = expectError('NOT_FINITE', () => run(operator, [batch]), at, `null in ${role}`);
        if (!error.message.includes(`row ${BAD_ROW}`)) throw new Error(`no row in '${error.message}'`);
        expectError('NOT_FINITE', () => run(operator, [batch.slice(50, 80)]), { row: BAD_ROW - 50 });
      }
    }
  },
};

const nonFiniteRefused: LawCheck = {
  law: 'edges',
  statement: 'refuses NaN and infinities, naming row and column, keyed or not',
  applies: ({ operator }) => Object.values(operator.description.inputs).some(isFloat),
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = rowsFor(ROWS, 53);
    for (const [role, type] of arraysIn(inputs)) {
      if (!isFloat(type)) continue;
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        if (bad === Number.NEGATIVE_INFINITY && type.masked) continue;
        const damaged = copyOf(inputs, rows);
        (damaged[role] as Float32Array)[BAD_ROW * type.length + type.length - 1] = bad;
        const at = { row: BAD_ROW, column: role };
        const error = expectError(
          'NOT_FINITE',
          () => run(operator, [batchOf(inputs, damaged)]),
          at,
          `${bad} in ${role}`,
        );
        if (!error.message.includes(`got ${bad}`)) throw new Error(`no ${bad} in '${error.message}'`);
        if (operator.workspace === undefined) continue;
        const key = Int32Array.from({ length: ROWS }, (_, row) => row % 3);
        const batch = batchOf({ ...inputs, key: i32() }, { ...damaged, key });
        const keyed = perKey('key', operator, { maxKeys: 3 });
        expectError('NOT_FINITE', () => run(keyed, [batch]), at, `${bad} in ${role}, keyed`);
      }
    }
  },
};

const negativeZero: LawCheck = {
  law: 'edges',
  statement: 'takes zeros of either sign, and never makes a NaN of them',
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = mapRows(inputs, rowsFor(ROWS, 59), (values, type) =>
      isFloat(type) ? (values as Float64Array).map((x, i) => [x, -0, 0][i % 3]!) : values,
    );
    const all = mapRows(inputs, rows, (values, type) =>
      isFloat(type) ? (values as Float64Array).map(() => -0) : values,
    );
    for (const given of [rows, all]) {
      for (const [role, view] of Object.entries(run(operator, [batchOf(inputs, given)]).outputs)) {
        if (arraysOf(view).some((values) => Array.from(values as Float64Array).some(Number.isNaN)))
          throw new Error(`a NaN in ${role}`);
      }
    }
  },
};

const slicesAndTables: LawCheck = {
  law: 'edges',
  statement: 'reads slices, tables of several chunks and batches read from IPC as it reads whole batches',
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = rowsFor(ROWS, 61);
    const whole = batchOf(inputs, rows);
    const expected = run(operator, [batchOf(inputs, rowsBetween(inputs, rows, 7, 80))]);
    const slice = whole.slice(7, 80);
    expectSameOutcome(run(operator, [slice]), expected, 'a slice');
    expectSameOutcome(run(operator, [slice.slice(0, 20), slice.slice(20)]), expected, 'slices of slices');
    const read = tableFromIPC(RecordBatchStreamWriter.writeAll([slice]).toUint8Array(true));
    expectSameOutcome(run(operator, read.batches), expected, 'from IPC');

    const table = new Table(cutInto(inputs, rows, [10, 0, 33]));
    const fromTable = applyTo(table, operator);
    const fromBatch = applyTo(whole, operator);
    expectSameBits(fromTable.finalState.bytes, fromBatch.finalState.bytes, 'state from a table');
    const got = outputsOf(operator, fromTable.batches);
    for (const [role, values] of Object.entries(outputsOf(operator, fromBatch.batches))) {
      expectSameColumn(got[role]!, values, `a table of several chunks, ${role}`);
    }
  },
};

const wrongColumns: LawCheck = {
  law: 'edges',
  statement: 'refuses columns that are missing, of another type or of another width, naming them',
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = rowsFor(ROWS, 67);
    for (const [role, type] of arraysIn(inputs)) {
      const refuses = (code: 'COLUMN_MISSING' | 'COLUMN_TYPE' | 'COLUMN_WIDTH', data?: Data) => {
        const batch = batchWith(inputs, rows, (name, own) => (name === role ? data : own));
        expectError(code, () => run(operator, [batch]), { column: role }, `${role} as ${data?.type}`);
      };
      if (!type.optional) refuses('COLUMN_MISSING');
      refuses('COLUMN_TYPE', vectorFromArray(new Array<string>(ROWS).fill('1'), new Utf8()).data[0]!);
      const foreign = isFloat(type) ? i64 : f64;
      const values = new (isFloat(type) ? BigInt64Array : Float64Array)(ROWS * type.length);
      refuses('COLUMN_TYPE', columnData(foreign(...type.shape), values, ROWS));
      for (const width of [type.length + 1, type.length + 64]) {
        const wide = { ...type, shape: [width], length: width };
        const wideValues = new (rows[role]!.constructor as Float32ArrayConstructor)(ROWS * width);
        refuses('COLUMN_WIDTH', columnData(wide, wideValues, ROWS));
      }
    }
  },
};

const extraColumns: LawCheck = {
  law: 'edges',
  statement: 'passes columns that it does not read through, untouched and in order, and adds its own behind',
  applies: givesRows,
  check({ operator, rows: rowsFor }) {
    const { inputs, outputs, columns } = operator.description;
    const rows = rowsFor(ROWS, 71);
    const plain = batchOf(inputs, rows);
    const before = vectorFromArray(
      Array.from({ length: ROWS }, (_, i) => (i % 5 === 0 ? null : `text ${i}`)),
      new Utf8(),
    );
    const behind = vectorFromArray(Int32Array.from({ length: ROWS }, (_, i) => i * i));
    const fields = [
      new Field('before', before.type, true),
      ...plain.schema.fields,
      new Field('behind', new Int32(), false),
    ];
    const children = [before.data[0]!, ...plain.data.children, behind.data[0]!];
    const schema = new Schema(fields, new Map([['made by', 'a test']]));
    const batch = new RecordBatch(
      schema,
      makeData({ type: new Struct(fields), length: ROWS, nullCount: 0, children }),
    );
    const emitted: RecordBatch[] = [];
    const got = run(operator, [batch], { onBatch: (one) => emitted.push(one) });
    expectSameOutcome(got, run(operator, [plain]), 'with more columns');
    const [out] = emitted as [RecordBatch];
    const names = [...schema.names, ...Object.keys(outputs).map((role) => columns[role])];
    if (out.schema.names.join() !== names.join())
      throw new Error(`columns ${out.schema.names.join()}, not ${names}`);
    if (out.schema.metadata.get('made by') !== 'a test') throw new Error('metadata is lost');
    for (const [i, child] of children.entries()) {
      if (out.data.children[i] !== child)
        throw new Error(`column ${String(names[i])} is not passed on as it is`);
    }
  },
};

const namesTaken: LawCheck = {
  law: 'edges',
  statement: 'refuses an output name that the input has, until it is renamed',
  applies: givesRows,
  check({ operator, rows: rowsFor, again }) {
    const { inputs, outputs } = operator.description;
    for (const role of Object.keys(outputs)) {
      const taken: AnyArray = new Float64Array(ROWS);
      const batch = batchOf({ ...inputs, [role]: f64() }, { ...rowsFor(ROWS, 73), [role]: taken });
      expectError('COLUMN_TYPE', () => run(operator, [batch]), { column: role }, role);
      const renamed = again({ columns: { [role]: 'free' } });
      const got = run(renamed, [batch]);
      expectSameOutcome(got, run(operator, [batchOf(inputs, rowsFor(ROWS, 73))]), 'renamed');
    }
  },
};

const columnsRenamed: LawCheck = {
  law: 'edges',
  statement: 'reads and writes the columns that its option names',
  check({ operator, rows: rowsFor, again }) {
    const { inputs, outputs } = operator.description;
    const rows = rowsFor(ROWS, 79);
    const roles = Object.keys({ ...inputs, ...outputs });
    const columns = Object.fromEntries(roles.map((role) => [role, `my ${role}`]));
    const renamed = again({ columns });
    const emitted: RecordBatch[] = [];
    const got = run(renamed, [batchOf(inputs, rows, columns)], { onBatch: (one) => emitted.push(one) });
    expectSameOutcome(got, run(operator, [batchOf(inputs, rows)]), 'renamed');
    for (const role of Object.keys(outputs)) {
      if (emitted.some((batch) => batch.getChild(`my ${role}`) === null))
        throw new Error(`no column 'my ${role}'`);
    }
    expectError('OPTION_RANGE', () => again({ columns: { 'no such role': 'x' } }));
  },
};

export const edges: readonly LawCheck[] = [
  emptyBatch,
  nullsRefused,
  nonFiniteRefused,
  negativeZero,
  slicesAndTables,
  wrongColumns,
  extraColumns,
  namesTaken,
  columnsRenamed,
];
