/**
 * Entries of a Redis stream, and their ids.
 */

/** One entry as the server sends it. */
export interface RedisEntry {
  readonly id: string;
  /** Names and values by turns. */
  readonly fields: readonly Uint8Array[];
  /** Entries that wait behind it, where that was asked lately. */
  readonly behind?: number | undefined;
}

type RawEntry = readonly [id: Uint8Array, fields: readonly Uint8Array[] | null];

const decoder = new TextDecoder();

/** The entries of an answer; those that were deleted meanwhile have no fields and are left out. */
export const entriesOf = (raw: readonly RawEntry[], behind?: number): RedisEntry[] =>
  raw.flatMap(([id, fields]) => (fields === null ? [] : [{ id: decoder.decode(id), fields, behind }]));

/** The value of a field; undefined where there is none of the name. */
export function fieldOf({ fields }: RedisEntry, name: string): Uint8Array | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (decoder.decode(fields[i]) === name) return fields[i + 1];
  }
  return undefined;
}

/** The fields as a JSON object of texts. */
export function fieldsAsJson({ fields }: RedisEntry): Uint8Array {
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) {
    pairs.push([decoder.decode(fields[i]), decoder.decode(fields[i + 1])]);
  }
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(pairs)));
}

const ID = /^(\d{1,20})-(\d{1,20})$/;
const MOST_SEQUENCE = 2n ** 64n - 1n;

export const isEntryId = (id: unknown): id is string => typeof id === 'string' && ID.test(id);

const partsOf = (id: string): readonly [bigint, bigint] => {
  const [, ms, sequence] = ID.exec(id)!;
  return [BigInt(ms!), BigInt(sequence!)];
};

/** Below 0 where a is before b, above 0 where it is behind it. */
export function compareIds(a: string, b: string): number {
  const [aMs, aSequence] = partsOf(a);
  const [bMs, bSequence] = partsOf(b);
  const order = aMs === bMs ? aSequence - bSequence : aMs - bMs;
  return order < 0n ? -1 : order > 0n ? 1 : 0;
}

/** The id right before one. */
export function idBefore(id: string): string {
  const [ms, sequence] = partsOf(id);
  if (sequence > 0n) return `${ms}-${sequence - 1n}`;
  return ms === 0n ? '0-0' : `${ms - 1n}-${MOST_SEQUENCE}`;
}

/** Milliseconds since 1970 at which an entry was added, unless its id was made up. */
export const idMs = (id: string): number => Number(partsOf(id)[0]);
