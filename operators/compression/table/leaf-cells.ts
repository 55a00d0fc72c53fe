/**
 * The cells of a leaf under its spec, and the leaf that cells stand for.
 */
import { type Cells, FLAG } from './column.js';
import type { LeafSpec } from './leaf-spec.js';
import { type NumberArray, ordered32, type Rule, toFloat, toInteger } from './number-transform.js';
import type { Leaf, LeafType } from './table.js';
import { TextColumn } from './text-column.js';

const cellsOf = (flags: Uint8Array | undefined, values: Float64Array, text?: TextColumn): Cells => ({
  flags,
  values,
  text,
  symbols: undefined,
});

/** Columns of a leaf: two where 64 bits are halved. */
export const partsOf = (spec: LeafSpec): number =>
  spec.kind === 'numbers' && spec.rule.rule === 'halves' ? 2 : 1;

/** The cells of a leaf of numbers. */
export function numberCells(leaf: Leaf, spec: Extract<LeafSpec, { kind: 'numbers' }>, rows: number): Cells[] {
  const { rule, hasEscapes } = spec;
  const { nulls } = leaf;
  const numbers = leaf.numbers!;
  const values = new Float64Array(rows);
  if (rule.rule === 'halves') {
    const words = new Int32Array(sameBuffer(numbers), numbers.byteOffset, 2 * rows);
    const low = new Float64Array(rows);
    const isFloat = numbers instanceof Float64Array;
    for (let row = 0; row < rows; row++) {
      if (nulls?.[row]) continue;
      low[row] = words[2 * row]! >>> 0;
      values[row] = isFloat ? ordered32(words[2 * row + 1]!) : words[2 * row + 1]!;
    }
    return [cellsOf(nulls, values), cellsOf(undefined, low)];
  }
  if (rule.rule === 'integer') {
    const isPlain = rule.least === 0n && rule.step === 1n;
    for (let row = 0; row < rows; row++) {
      if (nulls?.[row]) continue;
      values[row] = isPlain ? Number(numbers[row]) : exact(BigInt(numbers[row]!), rule);
    }
    return [cellsOf(nulls, values)];
  }
  if (rule.rule === 'ordered') {
    const words = new Int32Array(sameBuffer(numbers), numbers.byteOffset, rows);
    for (let row = 0; row < rows; row++) if (!nulls?.[row]) values[row] = ordered32(words[row]!);
    return [cellsOf(nulls, values)];
  }
  return [floatCells(numbers as Float64Array, nulls, rule, hasEscapes, values)];
}

const exact = (n: bigint, { least, step }: Extract<Rule, { rule: 'integer' }>) => Number((n - least) / step);

/** Typed arrays' buffers are plain ones here. */
const sameBuffer = ({ buffer }: NumberArray) => buffer as ArrayBuffer;

function floatCells(
  numbers: Float32Array | Float64Array,
  nulls: Uint8Array | undefined,
  rule: Rule,
  hasEscapes: boolean,
  values: Float64Array,
): Cells {
  const isSingle = numbers instanceof Float32Array;
  const flags = hasEscapes ? Uint8Array.from(nulls ?? new Uint8Array(values.length)) : nulls;
  const text = hasEscapes ? new TextColumn() : undefined;
  const raw = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const width = numbers.BYTES_PER_ELEMENT;
  for (let row = 0; row < values.length; row++) {
    if (nulls?.[row]) continue;
    const x = toInteger(rule, numbers[row]!, isSingle);
    if (x === undefined) {
      flags![row] = FLAG.escaped;
      text!.append(raw.subarray(row * width, (row + 1) * width));
    } else values[row] = x;
  }
  return cellsOf(flags, values, text);
}

/** Numbers from their cells. */
export function numbersFrom(
  type: Extract<LeafType, { kind: 'number' }>,
  spec: Extract<LeafSpec, { kind: 'numbers' }>,
  [cells, low]: readonly Cells[],
  rows: number,
): Leaf {
  const { rule, hasEscapes } = spec;
  const { flags, values, text } = cells!;
  const numbers = new type.array(rows);
  if (rule.rule === 'halves') {
    const words = new Int32Array(sameBuffer(numbers));
    for (let row = 0; row < rows && words.length >= 2 * rows; row++) {
      if (flags?.[row]) continue;
      words[2 * row] = low!.values[row]!;
      words[2 * row + 1] = type.isFloat ? ordered32(values[row]!) : values[row]!;
    }
  } else if (rule.rule === 'ordered') {
    const words = new Int32Array(sameBuffer(numbers));
    for (let row = 0; row < rows && words.length >= rows; row++)
      if (!flags?.[row]) words[row] = ordered32(values[row]!);
  } else if (rule.rule === 'integer') fillIntegers(numbers, rule, values, flags);
  else fillFloats(numbers as Float64Array, rule, values, flags, text);
  const nulls = flags && hasEscapes ? nullsIn(flags) : flags;
  return { nulls, numbers };
}

function nullsIn(flags: Uint8Array): Uint8Array | undefined {
  return flags.includes(FLAG.null) ? flags.map((flag) => (flag === FLAG.null ? 1 : 0)) : undefined;
}

function fillIntegers(
  numbers: NumberArray,
  rule: Extract<Rule, { rule: 'integer' }>,
  values: Float64Array,
  flags: Uint8Array | undefined,
): void {
  const isWide = numbers instanceof BigInt64Array || numbers instanceof BigUint64Array;
  const isPlain = rule.least === 0n && rule.step === 1n;
  for (let row = 0; row < values.length; row++) {
    if (flags?.[row]) continue;
    if (isWide) numbers[row] = BigInt(values[row]!) * rule.step + rule.least;
    else if (isPlain) numbers[row] = values[row]!;
    else numbers[row] = Number(BigInt(values[row]!) * rule.step + rule.least);
  }
}

function fillFloats(
  numbers: Float32Array | Float64Array,
  rule: Rule,
  values: Float64Array,
  flags: Uint8Array | undefined,
  text: TextColumn | undefined,
): void {
  const isSingle = numbers instanceof Float32Array;
  const raw = new Uint8Array(numbers.buffer);
  let escapes = 0;
  for (let row = 0; row < values.length; row++) {
    if (flags?.[row] === FLAG.escaped) raw.set(text!.at(escapes++), row * numbers.BYTES_PER_ELEMENT);
    else if (!flags?.[row]) numbers[row] = toFloat(rule, values[row]!, isSingle);
  }
}

/** How many digits every string has, 0 where numbers without leading zeros have several, −1 where it is not all digits. */
export function digitWidth(text: TextColumn): number {
  let width = -1;
  let isCanonical = true;
  let isEven = true;
  for (let i = 0; i < text.length; i++) {
    const begin = text.offsets[i]!;
    const length = text.offsets[i + 1]! - begin;
    if (length < 1 || length > 15) return -1;
    for (let j = begin; j < begin + length; j++) if (text.bytes[j]! < 48 || text.bytes[j]! > 57) return -1;
    if (text.bytes[begin] === 48 && length > 1) isCanonical = false;
    if (width < 0) width = length;
    if (length !== width) isEven = false;
    if (!isEven && !isCanonical) return -1;
  }
  return isEven ? width : 0;
}

export function digitCells({ nulls, text }: Leaf, rows: number): Cells[] {
  const values = new Float64Array(rows);
  for (let row = 0, i = 0; row < rows; row++) {
    if (nulls?.[row]) continue;
    let value = 0;
    for (let j = text!.offsets[i]!; j < text!.offsets[i + 1]!; j++) value = value * 10 + text!.bytes[j]! - 48;
    values[row] = value;
    i++;
  }
  return [cellsOf(nulls, values)];
}

export function textFromDigits({ flags, values }: Cells, width: number): Leaf {
  const text = new TextColumn();
  for (let row = 0; row < values.length; row++) {
    if (flags?.[row]) continue;
    text.append(Uint8Array.from(`${Math.abs(values[row]!)}`.padStart(width, '0'), (c) => c.charCodeAt(0)));
  }
  return { nulls: flags, text };
}
