/**
 * Checks of options. The option's name is the key of the first argument: `integer({ heads }, 1, 1024)`.
 */
import { DataflowError, optionRange } from './errors.js';

type Named<T> = Readonly<Record<string, T>>;
const named = <T>(option: Named<T>): [string, T] => Object.entries(option)[0]!;

/** An integer in `from` … `to`. */
export function integer(option: Named<unknown>, from: number, to: number): number {
  const [name, value] = named(option);
  if (typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to) return value;
  throw optionRange('', name, `an integer in ${from} … ${to}`, value);
}

/** A finite number in `from` … `to`. */
export function finiteNumber(
  option: Named<unknown>,
  from = -Number.MAX_VALUE,
  to = Number.MAX_VALUE,
): number {
  const [name, value] = named(option);
  if (typeof value === 'number' && value >= from && value <= to) return value;
  throw optionRange(
    '',
    name,
    from <= -Number.MAX_VALUE ? 'a finite number' : `a number in ${from} … ${to}`,
    value,
  );
}

export function truth(option: Named<unknown>): boolean {
  const [name, value] = named(option);
  if (typeof value === 'boolean') return value;
  throw optionRange('', name, 'true or false', value);
}

export function oneOf<T extends string | number>(option: Named<unknown>, choices: readonly T[]): T {
  const [name, value] = named(option);
  if (choices.includes(value as T)) return value as T;
  throw optionRange('', name, `one of ${choices.join(', ')}`, value);
}

/** Text that is not empty. */
export function text(option: Named<unknown>): string {
  const [name, value] = named(option);
  if (typeof value === 'string' && value !== '') return value;
  throw optionRange('', name, 'text that is not empty', value);
}

/** A list of exactly `length` finite numbers, as numbers[] or a typed array. */
export function numbers(option: Named<unknown>, length: number): Float64Array {
  const [name, value] = named(option);
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  if (!isList) throw optionRange('', name, `${length} numbers`, value);
  const list = Float64Array.from(value as ArrayLike<number>);
  if (list.length !== length) throw optionRange('', name, `${length} numbers`, `${list.length}`);
  const wrong = list.findIndex((element) => !Number.isFinite(element));
  if (wrong >= 0) throw optionRange('', `${name}[${wrong}]`, 'a finite number', list[wrong]);
  return list;
}

/** Runs a check and says in its errors whose option it was; refuses options that nobody reads. */
export function checked<R extends object>(
  who: string,
  options: unknown,
  known: readonly string[],
  check: () => R,
): R {
  if (options === null || typeof options !== 'object') {
    throw optionRange(who, 'options', 'an object', options);
  }
  try {
    const resolved = check();
    const names = [...Object.keys(resolved), ...known];
    const unknown = Object.keys(options).find((name) => !names.includes(name));
    if (unknown !== undefined) throw optionRange('', `'${unknown}'`, `one of ${names.join(', ')}`, unknown);
    return resolved;
  } catch (error) {
    throw error instanceof DataflowError ? error.within({ step: who }) : error;
  }
}
