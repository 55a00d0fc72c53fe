/**
 * Positions as this project writes them: plain objects of named integers, read back with care.
 */
import { stateMismatch } from '../src/errors.js';
import type { Position } from '../src/source.js';

/** The fields of a saved position, or undefined where it is not an object. */
export function positionFields(
  position: Position,
): Readonly<Record<string, Position | undefined>> | undefined {
  const isObject = position !== null && typeof position === 'object';
  if (!isObject || Array.isArray(position) || position instanceof Uint8Array) return undefined;
  return position as Readonly<Record<string, Position>>;
}

/** The named non-negative integers of a saved position; a position of another kind is refused. */
export function integersAt<Name extends string>(
  who: string,
  position: Position,
  names: readonly Name[],
): Record<Name, number> {
  const fields = positionFields(position);
  const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (fields === undefined || !names.every((name) => isWhole(fields[name]))) {
    throw foreignPosition(who, `integers ${names.join(', ')}`, position);
  }
  return Object.fromEntries(names.map((name) => [name, fields[name]])) as Record<Name, number>;
}

/** The error for a position that this source or sink did not give, or not over this data. */
export const foreignPosition = (who: string, expected: string, got: unknown) =>
  stateMismatch(who, 'position', expected, got, 'The position belongs to another source, sink or file.');
