/**
 * Whose state it is: what must be equal for saved bytes to fit an operator.
 */
import { stateMismatch } from './errors.js';

export interface Identity {
  readonly name: string;
  readonly version: number;
  /** The options with their defaults filled in, as canonical JSON. */
  readonly options: string;
  /** The state's slots in words; empty where the state is no fixed layout. */
  readonly layout: string;
}

/** Refuses a state that belongs to another operator, version, options or layout. */
export function refuseMismatch(who: string, expected: Identity, got: Identity): void {
  const advice = 'A state fits only the operator, version and options that wrote it.';
  for (const part of ['name', 'version', 'options', 'layout'] as const) {
    if (expected[part] !== got[part]) {
      throw stateMismatch(who, `${part} of the saved state`, expected[part], got[part], advice);
    }
  }
}

/** Options as canonical JSON: keys in order, typed arrays as lists, what JSON lacks by name. */
export function canonicalOptions(options: unknown): string {
  return JSON.stringify(options, (_key, value: unknown) => {
    if (ArrayBuffer.isView(value) && !(value instanceof DataView))
      return Array.from(value as Float32Array, finite);
    if (typeof value === 'number') return finite(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function') return `function ${value.name}`;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    }
    return value;
  });
}

const finite = (value: number) => (Number.isFinite(value) ? value : String(value));
