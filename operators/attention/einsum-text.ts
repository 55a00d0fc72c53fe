/**
 * The text of an einsum cascade, read: see `einsum-passes.ts` for what it means.
 *
 *   line      = tensor '=' expression
 *   tensor    = name '[' [ index { ',' index } ] ']'
 *   index     = rank [ '+1' ] | 'last'
 *
 * An expression is any text; what counts are the tensors in it.
 */
import { corruptInput } from '../../src/errors.js';

export interface Index {
  readonly rank: string;
  /** 'next': the place after, as a running value is written. 'last': behind all places of the rank. */
  readonly place: 'here' | 'next' | 'last';
}

export interface Reference {
  readonly name: string;
  readonly indices: readonly Index[];
}

export interface Equation {
  readonly target: Reference;
  readonly sources: readonly Reference[];
}

const TENSOR = /([A-Za-z_]\w*)\s*\[([^\]]*)\]/g;
const INDEX = /^([A-Za-z_]\w*)(\s*\+\s*1)?$/;

export const shownReference = ({ name, indices }: Reference): string =>
  `${name}[${indices.map(({ rank }) => rank).join(', ')}]`;

/** The equations in their order; `last` stands for a rank by its place. Throws CORRUPT_INPUT, naming the line. */
export function parseCascade(text: string): Equation[] {
  const running = new Map<string, Reference>();
  const known = new Map<string, number>();
  const equations: Equation[] = [];
  for (const [i, whole] of text.split('\n').entries()) {
    const line = whole.replace(/#.*/, '').trim();
    if (line === '') continue;
    const equation = parseLine(line, i + 1, running);
    if (known.has(equation.target.name)) {
      throw refused(i + 1, 'each tensor defined once, before it is read', `${equation.target.name} again`);
    }
    for (const { name, indices } of [equation.target, ...equation.sources]) {
      const width = known.get(name) ?? indices.length;
      if (width !== indices.length) throw refused(i + 1, `${width} indices of ${name}`, `${indices.length}`);
      known.set(name, width);
    }
    equations.push(equation);
  }
  if (equations.length === 0) throw refused(1, 'a line such as M[n] = max(S[n, m])', 'no line');
  return equations;
}

function parseLine(line: string, lineNumber: number, running: Map<string, Reference>): Equation {
  const equals = line.indexOf('=');
  const [left, right] = [line.slice(0, Math.max(equals, 0)).trim(), line.slice(equals + 1)];
  const [target, ...more] = referencesIn(left, lineNumber, running);
  if (target === undefined || more.length > 0 || !/^[A-Za-z_]\w*\s*\[[^\]]*\]$/.test(left)) {
    throw refused(lineNumber, 'tensor[indices] = expression', `'${line}'`);
  }
  const runs = target.indices.some(({ place }) => place === 'next');
  if (runs) running.set(target.name, target);
  const sources = referencesIn(right, lineNumber, running);
  if (sources.length === 0) throw refused(lineNumber, 'a tensor on the right', `'${right.trim()}'`);
  if (!runs && sources.some(({ name }) => name === target.name)) {
    throw refused(lineNumber, `a running value, ${target.name}[…+1], on the left`, `'${left}'`);
  }
  return { target, sources };
}

function referencesIn(text: string, line: number, running: ReadonlyMap<string, Reference>): Reference[] {
  return [...text.matchAll(TENSOR)].map(([, name, inside]) => {
    const parts = inside!.trim() === '' ? [] : inside!.split(',');
    const indices = parts.map((part, at) => parseIndex(part.trim(), at, name!, line, running));
    return { name: name!, indices };
  });
}

function parseIndex(
  text: string,
  at: number,
  name: string,
  line: number,
  running: ReadonlyMap<string, Reference>,
): Index {
  if (text === 'last') {
    const index = running.get(name)?.indices[at];
    if (index?.place !== 'next') throw refused(line, `'last' where ${name} is a running value`, `'${text}'`);
    return { rank: index.rank, place: 'last' };
  }
  const [, rank, next] = INDEX.exec(text) ?? [];
  if (rank === undefined) throw refused(line, `a rank, rank+1 or last as an index of ${name}`, `'${text}'`);
  return { rank, place: next === undefined ? 'here' : 'next' };
}

const refused = (line: number, expected: string, got: string) =>
  corruptInput('einsumPasses', `line ${line}`, expected, got, { line });
