/**
 * Moments as big counts of nanoseconds, in which every unit is whole.
 */
import type { TimeUnit } from 'apache-arrow';
import { readTime } from '../../sources/cell-values.js';

export const MS = 1_000_000n;
export const DAY = 86_400_000n * MS;

/** Nanoseconds of a unit. */
export const unitNanos = (unit: TimeUnit): bigint => 10n ** BigInt(9 - unit * 3);

/** Nanoseconds since 1970 of ISO 8601 text, in UTC where it names no zone; undefined where it is none. */
export function nanosOf(text: string): bigint | undefined {
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  const ms = readTime(text.replace(/\.\d{1,9}/, ''));
  return typeof ms === 'number' ? BigInt(ms) * MS + BigInt(fraction.padEnd(9, '0')) : undefined;
}
