/**
 * What a leaf becomes in a batch: which columns, under which rule. It is told with the batch.
 */
import { corruptInput } from '../../../src/errors.js';
import type { FieldReader, FieldWriter } from './fields.js';
import { MOST_INTEGER, type Rule, SCALES } from './number-transform.js';
import type { LeafType } from './table.js';

/** Numbers under a rule; text as numbers of so many digits (0: as many as they have), as symbols, or as it is. */
export type LeafSpec =
  | { readonly kind: 'numbers'; readonly rule: Rule; readonly hasEscapes: boolean }
  | { readonly kind: 'digits'; readonly width: number }
  | { readonly kind: 'symbols' | 'text' | 'places' };

const KINDS = ['numbers', 'digits', 'symbols', 'text', 'places'] as const;
const RULES = ['integer', 'decimal', 'single', 'printed', 'ordered', 'halves'] as const;
/** Digits that always fit. */
export const MOST_DIGITS = 15;

export function putSpec(out: FieldWriter, spec: LeafSpec): void {
  out.put(KINDS.indexOf(spec.kind));
  if (spec.kind === 'digits') out.put(spec.width);
  if (spec.kind !== 'numbers') return;
  const { rule, hasEscapes } = spec;
  out.put(RULES.indexOf(rule.rule) * 2 + (hasEscapes ? 1 : 0));
  if (rule.rule === 'integer') {
    out.putBig(rule.least);
    out.putBig(rule.step);
  } else if (rule.rule === 'decimal' || rule.rule === 'single') out.put(SCALES.indexOf(rule.scale as 1));
}

export function takeSpec(fields: FieldReader, type: LeafType): LeafSpec {
  const kind = KINDS[fields.take(KINDS.length - 1)]!;
  if (!FITTING[type.kind].includes(kind)) {
    throw corruptInput(
      'decompressBatches',
      `kind of a ${type.kind} column`,
      FITTING[type.kind].join(' or '),
      kind,
    );
  }
  if (kind === 'digits') return { kind, width: fields.take(MOST_DIGITS) };
  if (kind !== 'numbers') return { kind };
  const code = fields.take(2 * RULES.length - 1);
  const rule = takeRule(fields, RULES[code >> 1]!);
  const isFloatRule = rule.rule === 'decimal' || rule.rule === 'single' || rule.rule === 'printed';
  const bytes = type.kind === 'number' ? type.array.BYTES_PER_ELEMENT : 0;
  const fits =
    rule.rule === 'ordered'
      ? bytes === 4
      : rule.rule === 'halves'
        ? bytes === 8
        : isFloatRule === isFloat(type);
  if (!fits) {
    throw corruptInput('decompressBatches', 'rule of a column of numbers', 'one for its type', rule.rule);
  }
  return { kind, rule, hasEscapes: (code & 1) === 1 };
}

const FITTING: Readonly<Record<LeafType['kind'], readonly string[]>> = {
  number: ['numbers'],
  text: ['digits', 'symbols', 'text'],
  bytes: ['symbols', 'text'],
  index: ['symbols', 'places'],
};

const isFloat = (type: LeafType) => type.kind === 'number' && type.isFloat;

function takeRule(fields: FieldReader, rule: (typeof RULES)[number]): Rule {
  if (rule === 'integer') return { rule, least: fields.takeBig(), step: fields.takeBig() };
  if (rule === 'decimal' || rule === 'single')
    return { rule, scale: SCALES[fields.take(SCALES.length - 1)]! };
  return { rule };
}

/** Numbers whose columns have the same unit can be compared. */
export function unitOf(spec: LeafSpec): number {
  if (spec.kind !== 'numbers') return 0;
  const { rule } = spec;
  if (rule.rule === 'decimal' || rule.rule === 'single') return rule.scale;
  if (rule.rule === 'printed') return 100;
  if (rule.rule === 'integer' && rule.least === 0n && rule.step === 1n) return 0;
  if (rule.rule !== 'integer') return -1;
  return -2 - Number(BigInt.asUintN(50, rule.least * 31n + rule.step));
}

/** A range as it is told: both ends within ±2^52. */
export function putRange(out: FieldWriter, least: number, most: number): void {
  out.putBig(BigInt(least));
  out.put(most - least);
}

export function takeRange(fields: FieldReader): { least: number; most: number } {
  const least = Number(fields.takeBig());
  if (Math.abs(least) > MOST_INTEGER) {
    throw corruptInput('decompressBatches', 'least value of a column', 'within 2^52', `${least}`);
  }
  return { least, most: least + fields.take(2 * MOST_INTEGER) };
}
