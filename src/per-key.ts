/**
 * One state per key: the rows of each key run through an operator as if they were a stream of their own.
 */
import type { RecordBatch } from 'apache-arrow';
import { stateFromSnapshot } from './define-operator.js';
import { optionRange, stateMismatch } from './errors.js';
import { canonicalOptions, type Identity, refuseMismatch } from './identity.js';
import { isSpilled, KeyCells, savedStates, saveStates } from './key-cells.js';
import {
  type Emit,
  isOperator,
  type OpenContext,
  type OpenOperator,
  type Operator,
  toOperator,
} from './operator.js';
import { checked, integer, oneOf } from './options.js';
import { type Key, readKeys } from './read-column.js';
import { decodeState } from './snapshot.js';
import { newState, type State } from './state.js';
import type { Workspace } from './workspace.js';

export interface PerKeyOptions {
  /** The most keys whose states are in memory at once, 1 … 2^24. Memory is reserved for all, used for those seen. */
  readonly maxKeys: number;
  /** One key more is an error (default), or sends the least recently used state to the checkpoint store. */
  readonly onLimit?: 'error' | 'evict';
}

/** The states of all keys in memory. */
export interface KeyedState extends State {
  readonly keys: readonly Key[];
  /** The state of one key; a key that was never seen has the state before the first row. */
  of(key: Key): State;
}

export interface KeyedOperator extends Operator {
  /** What it was made of. */
  readonly keyedBy: {
    readonly column: string;
    readonly operator: Operator;
    readonly options: Required<PerKeyOptions>;
  };
  state(): KeyedState;
  /** The states of all keys, of bytes that `toBytes` gave. */
  stateFrom(bytes: Uint8Array): KeyedState;
  merge(a: State, b: State): KeyedState;
}

/**
 * Keeps a state of `operator` for each value of `column` (text, numbers or truth values), all in one arena. Rows come
 * out in the order they came in. Errors: LIMIT_EXCEEDED for one key too many, NOT_FINITE for a row without a key.
 */
export function perKey(column: string, operator: Operator, options: PerKeyOptions): KeyedOperator {
  const { maxKeys, onLimit } = checked('perKey', options, [], () => ({
    maxKeys: integer({ maxKeys: options.maxKeys }, 1, 2 ** 24),
    onLimit: oneOf({ onLimit: options.onLimit ?? 'error' }, ['error', 'evict']),
  }));
  if (typeof column !== 'string' || column === '')
    throw optionRange('perKey', 'column', 'a column name', column);
  if (!isOperator(operator) || operator.workspace === undefined) {
    throw optionRange('perKey', 'operator', 'an operator that gives a row for each row', operator);
  }
  const inner = operator.description;
  const identity: Identity = {
    name: 'perKey',
    version: 1,
    options: canonicalOptions({ column, name: inner.name, version: inner.version, options: inner.options }),
    layout: inner.layout,
  };
  const keyedState = (bytes: Uint8Array) => newKeyedState(identity, operator, bytes);
  const open = (context: OpenContext = {}) => {
    const { spill } = context;
    if (onLimit === 'evict' && spill === undefined) {
      const advice = 'Run it in a dataflow with a checkpoint store.';
      throw optionRange('perKey', 'onLimit', "'error' where there is no checkpoint store", onLimit, advice);
    }
    const workspace = operator.workspace!(maxKeys, context);
    return new PerKey(
      column,
      workspace,
      new KeyCells(workspace.cells, maxKeys, onLimit === 'evict' ? spill : undefined),
      maxKeys,
    );
  };
  const keyed = toOperator({
    description: { ...inner, ...identity, summary: `${inner.summary}, one state per ${column}` },
    stateBytes: maxKeys * operator.stateBytes,
    open,
    state: () => keyedState(saveStates(new Map())),
    stateFrom: (bytes) => keyedState(decodeState(identity, bytes)),
    merge: (a, b) => keyedState(mergeByKey(identity, operator, a, b)),
  });
  return Object.assign(keyed, {
    keyedBy: { column, operator, options: { maxKeys, onLimit } },
  }) as KeyedOperator;
}

/** What an operator is put around, where it keeps a state per key. */
export const keyedBy = (operator: Operator): KeyedOperator['keyedBy'] | undefined =>
  (operator as Operator & Partial<Pick<KeyedOperator, 'keyedBy'>>).keyedBy;

class PerKey implements OpenOperator {
  readonly #column: string;
  readonly #workspace: Workspace;
  readonly #keys: KeyCells;
  /** Rows of each cell in this pass, linked from the first to the last. */
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #count: Int32Array;

  constructor(column: string, workspace: Workspace, keys: KeyCells, maxKeys: number) {
    this.#column = column;
    this.#workspace = workspace;
    this.#keys = keys;
    this.#first = new Int32Array(maxKeys);
    this.#last = new Int32Array(maxKeys);
    this.#count = new Int32Array(maxKeys);
  }

  step(batch: RecordBatch, emit: Emit): void {
    const keys = readKeys('perKey', batch, this.#column);
    const columns = this.#workspace.read(batch);
    const out = this.#workspace.outputs.allocate(batch.numRows);
    const next = new Int32Array(batch.numRows);
    const rows = new Int32Array(batch.numRows);
    for (let row = 0; row < batch.numRows; ) {
      const cells: number[] = [];
      row = this.#group(keys, row, next, cells);
      for (const cell of cells) {
        const count = this.#count[cell]!;
        for (let i = 0, r = this.#first[cell]!; i < count; i++, r = next[r]!) rows[i] = r;
        this.#count[cell] = 0;
        this.#workspace.select(cell);
        this.#workspace.step(columns, rows, count, out, emit);
      }
    }
    emit(this.#workspace.outputs.append(batch, out));
  }

  flush(): void {}

  snapshot(): Uint8Array {
    return this.#keys.snapshot();
  }

  restore(bytes: Uint8Array): void {
    this.#keys.restore(bytes);
  }

  /** Links the rows from `from` on by key, as far as there are cells; answers the row behind them. */
  #group(keys: ArrayLike<Key>, from: number, next: Int32Array, cells: number[]): number {
    this.#keys.beginPass();
    for (let row = from; row < keys.length; row++) {
      const cell = this.#keys.cellFor(keys[row]!);
      if (cell < 0) return row;
      if (this.#count[cell] === 0) {
        cells.push(cell);
        this.#first[cell] = row;
      } else {
        next[this.#last[cell]!] = row;
      }
      this.#last[cell] = row;
      this.#count[cell]!++;
    }
    return keys.length;
  }
}

function newKeyedState(identity: Identity, operator: Operator, bytes: Uint8Array): KeyedState {
  let states: Map<Key, Uint8Array> | undefined;
  const all = () => {
    states ??= new Map(savedStates(bytes));
    return states;
  };
  const base = newState(identity, bytes, () => ({}));
  return {
    ...base,
    slots: [],
    get keys() {
      return [...all().keys()];
    },
    of(key) {
      const state = all().get(key);
      if (state === undefined && isSpilled(bytes, key)) throw evicted();
      return state === undefined ? operator.state() : stateFromSnapshot(operator, state);
    },
  };
}

const evicted = () =>
  stateMismatch(
    'perKey',
    'state',
    'all keys in memory',
    'keys evicted to the checkpoint store',
    'Raise maxKeys.',
  );

function mergeByKey(identity: Identity, operator: Operator, a: State, b: State): Uint8Array {
  refuseMismatch('perKey', identity, a.identity);
  refuseMismatch('perKey', identity, b.identity);
  if (isSpilled(a.bytes) || isSpilled(b.bytes)) throw evicted();
  const merged = new Map(savedStates(a.bytes));
  for (const [key, state] of savedStates(b.bytes)) {
    const before = merged.get(key);
    const own = stateFromSnapshot(operator, state);
    merged.set(
      key,
      before === undefined ? state : operator.merge(stateFromSnapshot(operator, before), own).bytes,
    );
  }
  return saveStates(merged);
}
