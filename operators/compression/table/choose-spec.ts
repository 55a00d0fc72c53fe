/**
 * What a leaf becomes in a batch: as in the batch before where that fits, else what its values suggest.
 */
import { digitWidth } from './leaf-cells.js';
import type { LeafSpec } from './leaf-spec.js';
import { floatRule, integerRule, type Rule, toInteger } from './number-transform.js';
import { SymbolTable } from './symbol-table.js';
import type { Leaf, LeafType } from './table.js';

/** Text of which no more than this share is distinct becomes symbols. */
const DISTINCT_MOST = 0.55;
/** What is remembered of a column's strings; beyond it they are text. */
export const SYMBOLS_MOST = 1 << 18;
const SYMBOL_BYTES_MOST = 1 << 24;

export function chooseNumberSpec(
  type: LeafType,
  leaf: Leaf,
  rows: number,
  last: LeafSpec | undefined,
): LeafSpec {
  const { nulls } = leaf;
  const isNull = nulls ? (row: number) => nulls[row] === 1 : () => false;
  const numbers = leaf.numbers!;
  const before = last?.kind === 'numbers' ? last : undefined;
  const isEmpty = nulls ? nulls.every((flag) => flag === 1) : rows === 0;
  if (before && isEmpty) return { ...before, hasEscapes: false };
  if (type.kind === 'number' && type.isFloat) {
    const floats = numbers as Float64Array;
    const rule = before && stillFits(before.rule, floats, isNull) ? before.rule : floatRule(floats, isNull);
    const hasEscapes = rule.rule !== 'halves' && rule.rule !== 'ordered' && hasEscape(rule, floats, isNull);
    return { kind: 'numbers', rule, hasEscapes };
  }
  const rule = integerRule(numbers, isNull);
  const isSame = before && covers(before.rule, rule);
  return { kind: 'numbers', rule: isSame ? before.rule : rule, hasEscapes: false };
}

/** `known` are the strings of the batches before. */
export function chooseTextSpec(
  type: LeafType,
  leaf: Leaf,
  last: LeafSpec | undefined,
  known: SymbolTable,
): LeafSpec {
  const text = leaf.text!;
  const isFirst = last === undefined || (last.kind === 'symbols' && known.length === 0);
  if (type.kind === 'text') {
    const width = digitWidth(text);
    if (last?.kind === 'digits' && (text.length === 0 || last.width === width)) return last;
    if (width >= 0 && isFirst) return { kind: 'digits', width };
  }
  const { offsets, length } = text;
  const hasRoom =
    known.length + length <= SYMBOLS_MOST && known.texts.bytes.length + offsets[length]! <= SYMBOL_BYTES_MOST;
  if (!hasRoom || last?.kind === 'text') return { kind: 'text' };
  if (last?.kind === 'symbols' && !isFirst) return last;
  const distinct = new SymbolTable();
  for (let i = 0; i < length; i++) if (distinct.find(text.at(i)) < 0) distinct.add(text.at(i));
  return { kind: length > 0 && distinct.length >= DISTINCT_MOST * length ? 'text' : 'symbols' };
}

function stillFits(rule: Rule, floats: Float64Array, isNull: (row: number) => boolean): boolean {
  return rule.rule === 'halves' || rule.rule === 'ordered' || !hasEscape(rule, floats, isNull);
}

function hasEscape(
  rule: Rule,
  floats: Float32Array | Float64Array,
  isNull: (row: number) => boolean,
): boolean {
  const isSingle = floats instanceof Float32Array;
  for (let row = 0; row < floats.length; row++) {
    if (!isNull(row) && toInteger(rule, floats[row]!, isSingle) === undefined) return true;
  }
  return false;
}

/** Whether integers that one rule was made for can be told by another. */
function covers(before: Rule, now: Rule): boolean {
  if (before.rule === 'halves') return true;
  if (now.rule !== 'integer' || before.rule !== 'integer') return false;
  if (now.step === 0n) return now.least === before.least;
  return before.step === now.step && before.least === now.least;
}
