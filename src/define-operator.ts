/**
 * `defineOperator`: an operator's columns, state and step in, an operator out. All that operators have in common
 * (reading columns, memory, snapshots, RxJS) happens here and in what this calls, so that an operator is its algorithm.
 */
import type { Codec } from './cells.js';
import { optionRange, stateMismatch } from './errors.js';
import { canonicalOptions, type Identity, refuseMismatch } from './identity.js';
import type { Kernel, KernelSet, Kernels, Together } from './kernels/kernel.js';
import { type AnyArray, type ArrayTypes, describeLayout, layoutOf, type Views } from './layout.js';
import { type Emit, type OpenContext, type Operator, type OperatorParts, toOperator } from './operator.js';
import { checked } from './options.js';
import type { ColumnView, RowTypes, RowViews } from './row-types.js';
import { decodeState, encodeState } from './snapshot.js';
import { newState, type State } from './state.js';
import { type Plan, Workspace } from './workspace.js';

/** The laws of the conformance suite, by name. */
export type Law =
  | 'oracle'
  | 'chunk'
  | 'resume'
  | 'isolation'
  | 'bound'
  | 'poison'
  | 'edges'
  | 'seed'
  | 'inverse'
  | 'merge'
  | 'guarantee';

/** What a step works with. */
export interface StepContext<R = object, S = unknown, N = unknown, X = unknown, K extends Kernels = Kernels> {
  /** The options with their defaults filled in. */
  readonly options: R;
  /** The state: its slots' arrays, or what the codec makes. Changed in place. */
  readonly state: S;
  readonly constants: N;
  readonly scratch: X;
  readonly kernels: K;
  /** Calls a kernel once for each list of arguments, at the same time where there are threads. */
  readonly together: Together<K>;
  /** Emits a batch of its own; only for operators that emit batches. */
  emit(columns: Readonly<Record<string, ColumnView>>, numRows: number): void;
  /** Refuses what is not finite in a column that is `checkedByStep`, naming its row. */
  check(role: string): void;
}

/** The columns of a step by role; arrays may be longer than `numRows` rows, and what is behind has no meaning. */
export type StepBatch<C> = { readonly numRows: number } & RowViews<C>;

export interface Definition<
  O extends object,
  R extends object,
  I extends RowTypes,
  U extends RowTypes,
  L extends ArrayTypes,
  N,
  X extends ArrayTypes,
  K extends Kernels,
  S,
> {
  readonly name: string;
  /** Raised when a state saved by an earlier version means something else. */
  readonly version: number;
  /** What it does for the user, in one line. */
  readonly summary: string;
  /** The C kernels it calls; each has a TypeScript twin of the same signature. */
  readonly kernels?: KernelSet<K & { firstNonFinite: Kernel; firstAbove: Kernel }>;
  /** What each option means, with its unit, range and default: `chunkwise operators` shows it. */
  readonly options: Readonly<Record<keyof R, string>>;
  /** Checks the options and fills in their defaults; throws OPTION_RANGE. */
  check(options: O): R;
  /** What each input role reads a row; the role is also the column's name unless `columns` says otherwise. */
  inputs(options: R): I;
  /** What each output role writes a row: arrays of a fixed shape, unless it emits batches of its own. */
  outputs(options: R): U;
  /** The named slots of a state of fixed size. */
  layout?(options: R): L;
  /** Instead of a layout: a state of variable size, with a limit among the options. */
  codec?(options: R): Codec<S>;
  /** Arrays that follow from the options. They are not saved. */
  constants?(options: R): N;
  /** How many threads share its memory (default 1). */
  threads?(options: R): number;
  /** Arrays whose contents mean nothing between two steps. */
  scratch?(options: R): X;
  /** 'rows' (default): one output row for each input row. 'batches': what it emits, when it wants to. */
  readonly emits?: 'rows' | 'batches';
  /**
   * How rows reach a step with kernels. 'arena' (default): in blocks of `blockRows`, copied into the arena. 'columns': all of a
   * batch, where they are; the step copies what its kernels need into scratch.
   */
  readonly passing?: 'arena' | 'columns';
  /** Rows of a block (default 64, which stay in the second level cache); more where threads meet at each. */
  blockRows?(options: R): number;
  /** Takes the rows of a batch, or of a block of it: reads the input columns, changes the state, fills the output columns. */
  step(context: StepContext<R, Views<L> & S, N, Views<X>, K>, batch: StepBatch<I & U>): void;
  /** After the last row of each batch. */
  endBatch?(context: StepContext<R, Views<L> & S, N, Views<X>, K>): void;
  /** After the last row. */
  flush?(context: StepContext<R, Views<L> & S, N, Views<X>, K>): void;
  /** Folds the rows of an open chunk into the state, so that its slots are as after the last row. */
  settle?(context: StepContext<R, Views<L> & S, N, Views<X>, K>): void;
  /** Where states form a monoid: the slots after `a`'s rows and then `b`'s, from settled slots. */
  merge?(a: Views<L>, b: Views<L>, options: R): Readonly<Record<string, ArrayLike<number>>>;
  /** The operator that undoes this one, of a codec. */
  inverse?(options: R): Operator;
  /** The relative root mean square error against the float64 reference that the laws hold it to; 0 is bit equality. */
  readonly tolerance: number;
  /** Options that the conformance suite opens it with. */
  readonly examples: readonly O[];
  /** Laws that do not apply, each with the reason. */
  readonly skipLaws?: Partial<Record<Law, string>>;
}

// biome-ignore lint/suspicious/noExplicitAny: a definition whose types are known to its own file alone
export type AnyDefinition = Definition<any, any, any, any, any, any, any, any, any>;

/** Options that every operator takes besides its own. */
export interface CommonOptions {
  /** The column each role reads or writes, where it is not named as the role. */
  readonly columns?: Readonly<Record<string, string>>;
}

/** Makes options into operators, and still tells what it makes them from. */
export interface OperatorMaker<O> {
  (options: O & CommonOptions): Operator;
  readonly definition: AnyDefinition;
}

export function defineOperator<
  O extends object,
  R extends object = O,
  I extends RowTypes = RowTypes,
  U extends RowTypes = RowTypes,
  L extends ArrayTypes = Record<never, never>,
  N = Record<never, never>,
  X extends ArrayTypes = Record<never, never>,
  K extends Kernels = Record<never, never>,
  S = unknown,
>(definition: Definition<O, R, I, U, L, N, X, K, S>): OperatorMaker<O> {
  const make = (options: O & CommonOptions) => toOperator(partsOf(planOf(definition, options)));
  return Object.assign(make, { definition });
}

function planOf(definition: AnyDefinition, given: object & CommonOptions): Plan {
  const options = checked(definition.name, given, ['columns'], () => definition.check(given));
  const inputs: RowTypes = definition.inputs(options);
  const outputs: RowTypes = definition.outputs(options);
  const roles = Object.keys({ ...inputs, ...outputs });
  const unknown = Object.keys(given.columns ?? {}).find((role) => !roles.includes(role));
  if (unknown !== undefined) {
    throw optionRange(definition.name, `columns.${unknown}`, `a role among ${roles.join(', ')}`, unknown);
  }
  const columns = Object.fromEntries(roles.map((role) => [role, given.columns?.[role] ?? role]));
  const named = Object.keys(outputs).map((role) => columns[role]!);
  const twice = named.find((name, i) => named.indexOf(name) !== i);
  if (twice !== undefined)
    throw optionRange(definition.name, 'columns', 'a name of its own for each output', twice);
  return {
    definition,
    options,
    inputs,
    outputs,
    columns,
    layout: layoutOf(definition.layout?.(options) ?? {}),
    constants: definition.constants?.(options) ?? {},
    scratch: layoutOf(definition.scratch?.(options) ?? {}),
  };
}

function partsOf(plan: Plan): OperatorParts {
  const { definition, layout, options } = plan;
  const identity: Identity = {
    name: definition.name,
    version: definition.version,
    options: canonicalOptions(options),
    layout: describeLayout(layout.slots),
  };
  const { inputs, outputs, columns } = plan;
  const { inverse } = definition;
  return {
    description: { ...identity, summary: definition.summary, inputs, outputs, columns },
    stateBytes: layout.byteLength,
    open: (context) => openSingle(plan, context),
    ...(definition.emits !== 'batches' && {
      workspace: (cells: number, context?: OpenContext) => new Workspace(plan, cells, context),
    }),
    state: (values = {}) => stateFromValues(plan, identity, values),
    stateFrom: (bytes) => stateFromBytes(plan, identity, decodeState(identity, bytes)),
    merge: (a, b) => mergeStates(plan, identity, a, b),
    ...(inverse && { inverse: () => inverse(options) }),
  };
}

function openSingle(plan: Plan, context?: OpenContext) {
  const workspace = new Workspace(plan, 1, context);
  const aligned = plan.definition.emits !== 'batches';
  workspace.cells.clear(0);
  workspace.select(0);
  return {
    step(batch: Parameters<Workspace['read']>[0], emit: Emit) {
      const columns = workspace.read(batch);
      const out = aligned ? workspace.outputs.allocate(batch.numRows) : {};
      if (aligned && context?.poison !== undefined) poison(out, context.poison);
      workspace.step(columns, undefined, batch.numRows, out, emit);
      if (aligned) emit(workspace.outputs.append(batch, out));
    },
    flush: (emit: Emit) => workspace.flush(emit),
    snapshot: () => workspace.cells.save(0),
    restore(bytes: Uint8Array) {
      workspace.cells.load(0, bytes);
      workspace.select(0);
    },
  };
}

function poison(arrays: Readonly<Record<string, AnyArray>>, byte: number): void {
  for (const array of Object.values(arrays)) new Uint8Array(array.buffer).fill(byte);
}

function stateFromBytes(plan: Plan, identity: Identity, bytes: Uint8Array): State {
  return newState(identity, bytes, () => {
    const workspace = new Workspace(plan, 1);
    workspace.cells.load(0, bytes);
    workspace.select(0);
    workspace.settle();
    return workspace.cells.slots(0);
  });
}

/** The state inside an opened operator's snapshot. */
export const stateFromSnapshot = (operator: Operator, snapshot: Uint8Array): State => {
  const { name, version, options, layout } = operator.description;
  return operator.stateFrom(encodeState({ name, version, options, layout }, snapshot));
};

function stateFromValues(
  plan: Plan,
  identity: Identity,
  values: Readonly<Record<string, ArrayLike<number>>>,
): State {
  const { cells } = new Workspace(plan, 1);
  cells.clear(0);
  const slots = cells.slots(0);
  for (const [name, given] of Object.entries(values)) {
    const slot = slots[name];
    const who = identity.name;
    if (slot === undefined) {
      throw stateMismatch(
        who,
        `slot '${name}'`,
        `one of ${Object.keys(slots).join(', ')}`,
        name,
        'Give known slots.',
      );
    }
    if (slot.length !== given.length) {
      throw stateMismatch(
        who,
        `elements of slot '${name}'`,
        slot.length,
        given.length,
        'Give the whole slot.',
      );
    }
    (slot as Float32Array).set(given);
  }
  return stateFromBytes(plan, identity, cells.save(0));
}

function mergeStates(plan: Plan, identity: Identity, a: State, b: State): State {
  const { definition, options } = plan;
  const who = identity.name;
  if (definition.merge === undefined) {
    throw stateMismatch(
      who,
      'merge',
      'an operator whose states merge',
      'one whose do not',
      'Run it in one piece.',
    );
  }
  refuseMismatch(who, identity, a.identity);
  refuseMismatch(who, identity, b.identity);
  const slotsOf = (state: State) => Object.fromEntries(state.slots.map((name) => [name, state.slot(name)]));
  return stateFromValues(plan, identity, definition.merge(slotsOf(a), slotsOf(b), options));
}
