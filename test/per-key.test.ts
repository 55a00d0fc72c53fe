import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Bool,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  type RecordBatch,
  Schema,
  Uint64,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { map } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { lightningAttention } from '../operators/index.js';
import { applyTo } from '../src/apply.js';
import { memoryStore, type SpillFile } from '../src/checkpoint-store.js';
import { newBatch } from '../src/columns.js';
import { stateFromSnapshot } from '../src/define-operator.js';
import { directoryStore } from '../src/directory-store.js';
import { i32 } from '../src/layout.js';
import type { Operator } from '../src/operator.js';
import { type KeyedState, perKey } from '../src/per-key.js';
import type { Key } from '../src/read-column.js';
import { unpack } from '../src/snapshot.js';
import { expectSameOutcome } from './support/compare.js';
import { expectError } from './support/errors.js';
import { blockSums, runningTotal, timesSeen } from './support/fixture-operators.js';
import { outputsOf, run } from './support/outcome.js';
import { campaign, cuttings, seeds } from './support/property.js';
import { cutInto, rowsOf } from './support/rows.js';

const total = runningTotal({ dim: 1 });

/** One row a key, of value 1, 2, 3 …; what is summed tells which rows a key has had. */
function keyedRows(keys: readonly (Key | null)[], type: DataType): RecordBatch {
  const x = vectorFromArray(Float64Array.from(keys, (_, i) => i + 1));
  const fields = [new Field('x', new Float64(), false), new Field('key', type, true)];
  return newBatch(new Schema(fields), keys.length, [x.data[0]!, vectorFromArray(keys, type).data[0]!]);
}

const textRows = (...keys: string[]) => keyedRows(keys, new Utf8());
/** The batch in slices of the given lengths, and one of the rest. */
function slices(batch: RecordBatch, lengths: readonly number[]): RecordBatch[] {
  const borders = [0];
  for (const length of [...lengths, batch.numRows]) {
    borders.push(Math.min(batch.numRows, borders.at(-1)! + length));
  }
  return borders.slice(1).map((to, i) => batch.slice(borders[i]!, to));
}

const totals = (operator: Operator, batches: readonly RecordBatch[]) =>
  Array.from(outputsOf(operator, batches).total as Float64Array);
const keyedState = (operator: Operator, snapshot: Uint8Array) =>
  stateFromSnapshot(operator, snapshot) as KeyedState;

describe('perKey', () => {
  it('sums for each key as if it were alone, rows out in the order they came in', () => {
    const keyed = perKey('key', total, { maxKeys: 2 });
    const { batches, finalState } = applyTo([textRows('a', 'b', 'a'), textRows('b', 'b', 'a')], keyed);
    expect(totals(keyed, batches)).toEqual([1, 2, 4, 3, 5, 7]);
    const state = keyed.stateFrom(finalState.toBytes());
    expect(state.keys).toEqual(['a', 'b']);
    expect(state.of('a').slot('sum')).toEqual(Float64Array.of(7));
    expect(state.of('b').slot('rows')).toEqual(Int32Array.of(3));
    expect(state.of('never seen').slot('sum')).toEqual(Float64Array.of(0));
    expect(keyed.state().keys).toEqual([]);
    expect(keyed.stateBytes).toBe(2 * total.stateBytes);
  });

  it.each([
    ['Utf8', new Utf8(), ['x', '', 'ä', 'x', 'ä']],
    ['Int32', new Int32(), [-5, 0, 2 ** 31 - 1, 0, -5]],
    ['Int64', new Int64(), [-5n, 2n ** 62n, 0n, 2n ** 62n, -5n]],
    ['Uint64', new Uint64(), [2n ** 64n - 1n, 5n, 2n ** 64n - 1n, 5n, 0n]],
    ['Float64', new Float64(), [0.1, -3e300, 0.1, 2, 2]],
    ['Bool', new Bool(), [true, false, false, true, true]],
    ['Dictionary<Utf8>', new Dictionary(new Utf8(), new Int32()), ['x', 'y', 'x', 'y', 'z']],
    ['Dictionary<Int64>', new Dictionary(new Int64(), new Int32()), [7n, 8n, 7n, 8n, 9n]],
  ] as const)('takes keys of type %s, also from slices and through saved bytes', (_, type, keys) => {
    const keyed = perKey('key', total, { maxKeys: 3 });
    const batch = keyedRows(keys as readonly Key[], type as DataType);
    const sums = new Map<Key, number>();
    const expected = keys.map((key, i) => {
      sums.set(key, (sums.get(key) ?? 0) + i + 1);
      return sums.get(key);
    });
    const head = applyTo(batch.slice(0, 2), keyed);
    const state = keyed.stateFrom(head.finalState.toBytes());
    const tail = applyTo(batch.slice(2), keyed, { initialState: state });
    expect(totals(keyed, [...head.batches, ...tail.batches])).toEqual(expected);
    const end = keyed.stateFrom(tail.finalState.toBytes());
    expect(new Set(end.keys)).toEqual(new Set(keys as readonly Key[]));
    for (const [key, sum] of sums) expect(end.of(key).slot('sum')).toEqual(Float64Array.of(sum));
  });

  it('has the same state bytes however the rows are cut', () => {
    const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(keys, cuttings, fc.constantFrom(2, 3, 10), (of, lengths, maxKeys) => {
        const keyed = perKey('key', total, { maxKeys, onLimit: 'evict' });
        const stateOf = (batches: RecordBatch[]) =>
          run(keyed, batches, { spill: () => memoryStore().spill('sums') });
        const batch = textRows(...of);
        expectSameOutcome(stateOf(slices(batch, lengths)), stateOf([batch]), 'cut');
      }),
      campaign(6),
    );
  });

  it('refuses one key too many, naming the limit', () => {
    const keyed = perKey('key', total, { maxKeys: 2 });
    const error = expectError('LIMIT_EXCEEDED', () => applyTo(textRows('a', 'b', 'a', 'c'), keyed));
    expect(error.message).toContain('perKey: limit maxKeys, expected at most 2, got more.');
  });

  it('refuses a row without a key, naming it', () => {
    const keyed = perKey('key', total, { maxKeys: 2 });
    for (const type of [new Utf8(), new Dictionary(new Utf8(), new Int32())]) {
      const batch = keyedRows(['a', 'b', null, 'a'], type);
      expectError('NOT_FINITE', () => applyTo(batch, keyed), { row: 2, column: 'key' });
      expectError('NOT_FINITE', () => applyTo(batch.slice(1), keyed), { row: 1, column: 'key' });
      expect(applyTo(batch.slice(0, 2), keyed).batches).toHaveLength(1);
    }
  });

  it('refuses a key column that is missing or of a type that is no key', () => {
    const other = perKey('other', total, { maxKeys: 2 });
    expectError('COLUMN_MISSING', () => applyTo(textRows('a'), other), { column: 'other' });
    const type = new List(new Field('item', new Int32(), true));
    const fields = [new Field('x', new Float64(), false), new Field('key', type, true)];
    const columns = [vectorFromArray([1.5]), vectorFromArray([[1]], type)].map(({ data }) => data[0]!);
    const batch = newBatch(new Schema(fields), 1, columns);
    expectError('COLUMN_TYPE', () => applyTo(batch, perKey('key', total, { maxKeys: 2 })), { column: 'key' });
  });

  it('refuses options and operators that it cannot keep', () => {
    expectError('OPTION_RANGE', () => perKey('key', total, { maxKeys: 0 }));
    expectError('OPTION_RANGE', () => perKey('key', total, { maxKeys: 1.5 }));
    expectError('OPTION_RANGE', () => perKey('key', total, { maxKeys: 1, onLimit: 'drop' as 'evict' }));
    expectError('OPTION_RANGE', () => perKey('key', total, { maxKeys: 1, most: 1 } as { maxKeys: number }));
    expectError('OPTION_RANGE', () => perKey('', total, { maxKeys: 1 }));
    expectError('OPTION_RANGE', () => perKey('key', blockSums({ blockRows: 2 }), { maxKeys: 1 }));
    expectError('OPTION_RANGE', () => perKey('key', map(String) as unknown as Operator, { maxKeys: 1 }));
    expectError('OPTION_RANGE', () => perKey('key', total, { maxKeys: 1, onLimit: 'evict' }).open());
  });

  it('takes the state of another limit, not of another column or operator', () => {
    const two = perKey('key', total, { maxKeys: 2 });
    const { finalState } = applyTo(textRows('a', 'b'), two);
    const bytes = finalState.toBytes();
    expect(perKey('key', total, { maxKeys: 9 }).stateFrom(bytes).keys).toEqual(['a', 'b']);
    expectError('STATE_VERSION', () => perKey('id', total, { maxKeys: 2 }).stateFrom(bytes));
    expectError('STATE_VERSION', () =>
      perKey('key', runningTotal({ dim: 2 }), { maxKeys: 2 }).stateFrom(bytes),
    );
    const one = perKey('key', total, { maxKeys: 1 });
    const initialState = one.stateFrom(bytes);
    expectError('LIMIT_EXCEEDED', () => applyTo(textRows('a'), one, { initialState }));
  });

  it('merges the states of each key, and takes over what only one side has', () => {
    const keyed = perKey('key', total, { maxKeys: 3 });
    const [a, b] = [textRows('a', 'b', 'a'), textRows('b', 'c')].map(
      (rows) => applyTo(rows, keyed).finalState,
    );
    const merged = keyed.merge(a!, b!);
    const sums = Object.fromEntries(merged.keys.map((key) => [key, merged.of(key).slot('sum')[0]]));
    expect(sums).toEqual({ a: 4, b: 3, c: 2 });
    const foreign = applyTo(textRows('a'), perKey('x', total, { maxKeys: 3 })).finalState;
    expectError('STATE_VERSION', () => keyed.merge(a!, foreign));
  });

  it('keeps a codec’s state for each key', () => {
    const keyed = perKey('key', timesSeen({ maxNumbers: 10 }), { maxKeys: 2 });
    const rows = { id: Int32Array.of(1, 1, 1, 2, 1), key: Int32Array.of(0, 1, 0, 0, 1) };
    const { batches, finalState } = applyTo(cutInto({ id: i32(), key: i32() }, rows, [3]), keyed);
    expect(outputsOf(keyed, batches).times).toEqual(Int32Array.of(1, 1, 2, 1, 2));
    expect(keyed.stateFrom(finalState.toBytes()).of(0).slot('numbers')).toEqual(Int32Array.of(1, 2));
  });
});

const folder = mkdtempSync(join(tmpdir(), 'per-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

let spills = 0;
const stores: readonly [name: string, spill: () => SpillFile][] = [
  ['memoryStore', () => memoryStore().spill('step')],
  ['directoryStore', () => directoryStore(join(folder, String(spills++))).spill('step')],
];

describe.each(stores)("perKey with onLimit: 'evict' and %s", (_, newSpill) => {
  const operators: readonly [string, Operator][] = [
    ['a layout', total],
    ['kernels', lightningAttention({ heads: 2, keyDim: 3, valueDim: 2 })],
    ['a codec', timesSeen({ maxNumbers: 1000 })],
  ];
  const KEYS = 12;
  const keysOfRows = fc.array(fc.integer({ min: 0, max: KEYS - 1 }), { minLength: 1, maxLength: 120 });

  it.each(operators)('gives what it gives without a limit, for an operator with %s', (_, operator) => {
    const { inputs } = operator.description;
    const unlimited = perKey('key', operator, { maxKeys: KEYS });
    fc.assert(
      fc.property(
        keysOfRows,
        cuttings,
        seeds,
        fc.integer({ min: 1, max: 5 }),
        (keys, lengths, seed, maxKeys) => {
          const rows = {
            ...rowsOf(operator.name, inputs, { keyDim: 3 }, keys.length, seed),
            key: Int32Array.from(keys),
          };
          const batches = cutInto({ ...inputs, key: i32() }, rows, lengths);
          const evicting = perKey('key', operator, { maxKeys, onLimit: 'evict' });
          const expected = run(unlimited, batches).outputs;
          const spill = newSpill();
          expect(run(evicting, batches, { spill: () => spill }).outputs).toEqual(expected);
          spill.close();
        },
      ),
      campaign(),
    );
  });

  it('goes on from a snapshot that has evicted keys', () => {
    const { inputs } = total.description;
    const evicting = perKey('key', total, { maxKeys: 2, onLimit: 'evict' });
    fc.assert(
      fc.property(keysOfRows, fc.nat(120), seeds, (keys, at, seed) => {
        const cut = at % (keys.length + 1);
        const rows = { ...rowsOf(total.name, inputs, {}, keys.length, seed), key: Int32Array.from(keys) };
        const types = { ...inputs, key: i32() };
        const expected = run(perKey('key', total, { maxKeys: KEYS }), cutInto(types, rows, [cut])).outputs;
        const [head, ...tail] = cutInto(types, rows, [cut]) as [RecordBatch];
        const spill = newSpill();
        const context = { spill: () => spill };
        const open = evicting.open(context);
        const emitted: RecordBatch[] = [];
        open.step(head, (batch) => emitted.push(batch));
        const from = open.snapshot();
        for (const batch of tail) open.step(batch, () => {});
        const resumed = run(evicting, tail, { from, ...context, onBatch: (batch) => emitted.push(batch) });
        expect(outputsOf(evicting, emitted)).toEqual(expected);
        expect(resumed.snapshot).toEqual(open.snapshot());
        spill.close();
      }),
      campaign(2),
    );
  });

  it('evicts the key that was least recently used, also within a batch', () => {
    const evicting = perKey('key', total, { maxKeys: 2, onLimit: 'evict' });
    for (const lengths of [[4], [1, 1, 1, 1], [2, 2], [3, 1]]) {
      const spill = newSpill();
      const batch = textRows('a', 'b', 'a', 'c');
      const { snapshot } = run(evicting, slices(batch, lengths), { spill: () => spill });
      expect(keyedState(evicting, snapshot).keys, `in lengths ${lengths}`).toEqual(['a', 'c']);
      expect(spill.byteLength).toBe(total.stateBytes);
      spill.close();
    }
  });

  it('knows each key once: in memory, or where it was put', () => {
    const evicting = perKey('key', total, { maxKeys: 1, onLimit: 'evict' });
    const spill = newSpill();
    const { snapshot } = run(evicting, [textRows('a', 'b', 'a')], { spill: () => spill });
    const { keys, spilled } = unpack(snapshot) as { keys: Key[]; spilled: unknown[][] };
    expect(keys).toEqual(['a']);
    expect(spilled.map(([key]) => key)).toEqual(['b']);
    spill.close();
  });

  it('does not go on from evicted keys without a place where they are', () => {
    const evicting = perKey('key', total, { maxKeys: 1, onLimit: 'evict' });
    const spill = newSpill();
    const { snapshot } = run(evicting, [textRows('a', 'b')], { spill: () => spill });
    const strict = perKey('key', total, { maxKeys: 5 });
    const initialState = stateFromSnapshot(strict, snapshot);
    expectError('LIMIT_EXCEEDED', () => applyTo(textRows('a'), strict, { initialState }));
    spill.close();
  });
});
