/**
 * How often a cascade of einsums has to read a rank: whether it can run over a stream.
 *
 * A cascade is text, a tensor a line:
 *
 *   S[n, m] = Q[n, d] * K[m, d]
 *   M[n] = max(S[n, m])
 *   E[n, m] = exp(S[n, m] - M[n])
 *
 * Indices in brackets are ranks. A rank that stands on the right and not on the left is reduced; by what, and what
 * functions do, changes nothing. `A[n, m+1] = … A[n, m] …` is a running value along m: its place m is there as soon as
 * the stream is, and `A[n, last]` is its value behind the last place. Text behind # is left out.
 *
 *   passes over r = the longest chain of (reduce over r, then read r again)
 *
 * A tensor with index r is made place by place in the same pass as what it is made from; a tensor without it that was
 * made from some with it is there only when that pass is over, and whoever needs both r and it needs one pass more.
 * One pass, and r can be a stream: what is kept are reductions and running values, whose size does not depend on r.
 *
 * Source  Nayak et al., FuseMax: Leveraging Extended Einsums to Optimize Attention Accelerator Design, 2024,
 *         arXiv:2406.10491
 */
import { type Equation, parseCascade, type Reference, shownReference } from './einsum-text.js';

export interface RankPasses {
  readonly rank: string;
  /** How often all of the rank has to be read. */
  readonly passes: number;
  /** Whether the rank can be a stream whose state does not grow: one pass. */
  readonly streams: boolean;
  /** What one pass has to remember from place to place: reductions over the rank and running values along it. */
  readonly state: readonly string[];
  /** What has to be whole before the rank is read again, first to last: one tensor fewer than there are passes. */
  readonly chain: readonly string[];
  /** What is read in a later pass than the one that made it (or first read it), so that it is kept or made again. */
  readonly again: readonly string[];
}

/**
 * The passes over each rank, in the order in which ranks appear. Throws CORRUPT_INPUT, naming the line, for text that
 * is no cascade: a name defined twice, used before it is defined with other indices, or malformed.
 */
export function einsumPasses(cascade: string): readonly RankPasses[] {
  const equations = parseCascade(cascade);
  const ranks = new Set(equations.flatMap(({ target, sources }) => [target, ...sources].flatMap(ranksOf)));
  return [...ranks].map((rank) => passesOver(rank, equations));
}

const ranksOf = ({ indices }: Reference): string[] =>
  indices.filter(({ place }) => place !== 'last').map(({ rank }) => rank);

/** When a tensor is there: in which pass over the rank, and what that pass had to wait for. */
interface Made {
  readonly pass: number;
  readonly chain: readonly string[];
}

function passesOver(rank: string, equations: readonly Equation[]): RankPasses {
  const made = new Map<string, Made>();
  const state: string[] = [];
  const firstRead = new Map<string, number>();
  const again = new Set<string>();
  const reads = (reference: Reference) => ranksOf(reference).includes(rank);
  for (const { target, sources } of equations) {
    const others = sources.filter(({ name }) => name !== target.name);
    const walks = [target, ...sources].some(reads);
    let now: Made = { pass: walks ? 1 : 0, chain: [] };
    for (const source of others) {
      const { pass, chain } = made.get(source.name) ?? { pass: 0, chain: [] };
      const waits = walks && pass > 0 && !reads(source);
      const then = waits ? { pass: pass + 1, chain: [...chain, source.name] } : { pass, chain };
      if (then.pass > now.pass || (then.pass === now.pass && then.chain.length > now.chain.length))
        now = then;
    }
    for (const source of others.filter(reads)) {
      const first = firstRead.get(source.name) ?? made.get(source.name)?.pass ?? now.pass;
      firstRead.set(source.name, first);
      if (now.pass > first) again.add(source.name);
    }
    made.set(target.name, now);
    if (walks && isKept(target, rank)) state.push(shownReference(target));
  }
  const last = [...made.values()].reduce((a, b) => (b.pass > a.pass ? b : a));
  const passes = last.pass;
  return { rank, passes, streams: passes === 1, state, chain: last.chain, again: [...again] };
}

/** Whether a tensor made along the rank outlives a place of it: it is reduced over the rank, or runs along it. */
const isKept = ({ indices }: Reference, rank: string): boolean =>
  indices.every((index) => index.rank !== rank || index.place === 'next');
