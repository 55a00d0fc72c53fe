/**
 * Raw Arrow values in words: dates, times, decimals and bytes, with all their digits.
 */
import type { TimeUnit } from 'apache-arrow';

const DAY_MS = 86_400_000;
const EPOCH_DAY = '1970-01-01T';

/** Days since 1970 as `2012-01-31`. */
export const isoDay = (days: number): string => new Date(days * DAY_MS).toISOString().split('T')[0]!;

/** A count of seconds, milli-, micro- or nanoseconds since 1970 as `2012-01-31T12:00:00.123456Z`. */
export function isoTime(count: bigint, unit: TimeUnit): string {
  const digits = unit * 3;
  const perSecond = 10n ** BigInt(digits);
  const fraction = ((count % perSecond) + perSecond) % perSecond;
  const seconds = (count - fraction) / perSecond;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -5);
  return digits === 0 ? `${whole}Z` : `${whole}.${fraction.toString().padStart(digits, '0')}Z`;
}

/** A count since midnight as `12:00:00.123`. */
export const isoClock = (count: bigint, unit: TimeUnit): string =>
  isoTime(count, unit).slice(EPOCH_DAY.length, -1);

/** A two's complement integer in 32-bit words, lowest first, with `scale` digits behind the point. */
export function decimal(words: Uint32Array, scale: number): string {
  let value = 0n;
  for (let i = words.length - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[i]!);
  value = BigInt.asIntN(words.length * 32, value);
  if (scale <= 0) return `${value * 10n ** BigInt(-scale)}`;
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
