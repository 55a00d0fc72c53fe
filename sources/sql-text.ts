/**
 * What a database's text of dates, times and decimals means, as Arrow counts it. `UNFIT` is what Arrow has nothing for:
 * infinite dates, NaN as a decimal, the zeroth of a month.
 */
import { type CellReader, UNFIT } from './cell-values.js';

const DATE = /^(\d{4,})-(\d\d)-(\d\d)( BC)?$/;
const TIMESTAMP = /^(\d{4,}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?( BC)?$/;
const CLOCK = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
const DAY_MS = 86_400_000;

/** Days since 1970. */
export function readDate(cell: unknown): number | typeof UNFIT {
  const match = DATE.exec(cell as string);
  if (match === null) return UNFIT;
  const [, year, month, day, bc] = match;
  if (month === '00' || day === '00') return UNFIT;
  const ms = new Date(0).setUTCFullYear(bc ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day));
  return ms / DAY_MS;
}

/** Microseconds since 1970. Only UTC has no offset to be told, and sessions are in UTC. */
export function readTimestamp(cell: unknown): bigint | typeof UNFIT {
  const match = TIMESTAMP.exec(cell as string);
  if (match === null) return UNFIT;
  const [, date, hours, minutes, seconds, fraction = '', bc = ''] = match;
  const days = readDate(`${date}${bc}`);
  if (days === UNFIT) return UNFIT;
  const inDay = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(days * 86_400 + inDay) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/** Microseconds since midnight; 24:00:00 is the end of the day. */
export function readClock(cell: unknown): number | typeof UNFIT {
  const match = CLOCK.exec(cell as string);
  if (match === null) return UNFIT;
  const [, hours, minutes, seconds, fraction = ''] = match;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return whole * 1_000_000 + Number(fraction.padEnd(6, '0'));
}

/** A number as a count of its last digit, of which there are `scale` behind the point. */
export function decimalReader(scale: number): CellReader {
  return (cell) => {
    const match = DECIMAL.exec(cell as string);
    if (match === null) return UNFIT;
    const [, sign, whole, fraction = ''] = match;
    if (fraction.length > scale && /[1-9]/.test(fraction.slice(Math.max(scale, 0)))) return UNFIT;
    const count = BigInt(whole + fraction.slice(0, Math.max(scale, 0)).padEnd(Math.max(scale, 0), '0'));
    const scaled = scale < 0 ? count / 10n ** BigInt(-scale) : count;
    return sign === '' ? scaled : -scaled;
  };
}
