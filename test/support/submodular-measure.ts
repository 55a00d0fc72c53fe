/**
 * What a summary does on a stream: its calls, its time, its worth beside greedy from scratch, its changes.
 */
import type { Algorithm } from '../../operators/submodular/algorithm.js';
import { lazyGreedy } from '../../operators/submodular/lazy-greedy.js';
import type { World } from '../../operators/submodular/oracle.js';
import { Summary } from '../../operators/submodular/summary.js';
import { type Data, type Stream, updatesOf } from './submodular-streams.js';

export interface Measured {
  readonly calls: { readonly mean: number; readonly p99: number; readonly max: number };
  /** Processor time of the whole process, the collector's included: others on the machine do not count. */
  readonly microseconds: {
    readonly mean: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
  /** The answer's value over that of lazy greedy on the live elements. */
  readonly ratio: { readonly mean: number; readonly min: number };
  readonly changes: { readonly mean: number; readonly max: number };
  /** The part of the updates after which the answer is certified. */
  readonly certified: number;
  readonly updates: number;
  /** Of all that it keeps, the elements' own data included. */
  readonly bytesPerElement: number;
}

export interface MeasureOptions {
  readonly data: Data;
  readonly stream: Stream;
  /** Live elements at the start. */
  readonly n: number;
  readonly k: number;
  readonly updates: number;
  /** How often the answer is compared with greedy (default 40). */
  readonly samples?: number;
  readonly seed?: number;
  /** Ends earlier, after so long (default: not). */
  readonly secondsMax?: number;
}

const meanOf = (values: Iterable<number>) => {
  let [sum, count] = [0, 0];
  for (const value of values) [sum, count] = [sum + value, count + 1];
  return sum / count;
};

function spread(values: Float64Array) {
  const sorted = values.slice().sort();
  const at = (part: number) => sorted[Math.floor(part * sorted.length)]!;
  return { mean: meanOf(values), p99: at(0.99), p999: at(0.999), max: sorted.at(-1)! };
}

/** Greedy from scratch over what is live; no call of it counts. */
export function greedyValue({ live, oracle }: Summary, k: number): number {
  const before = oracle.calls;
  const single = new Float64Array(live.capacity);
  const empty = oracle.empty();
  for (let i = 0; i < live.count; i++) single[live.order[i]!] = oracle.gain(empty, live.order[i]!);
  const { value } = lazyGreedy({ live, oracle, k }, single);
  oracle.calls = before;
  return value;
}

const heldBytes = (): number => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

export function measure(algorithm: (world: World) => Algorithm, options: MeasureOptions): Measured {
  const { data, stream, n, k, samples = 40, seed, secondsMax = Number.POSITIVE_INFINITY } = options;
  const before = heldBytes();
  const { objective } = data;
  const maxElements = n + options.updates;
  const summary = new Summary({ who: 'bench', k, objective, maxElements, spareSlots: 64 * k, algorithm });
  const { insert, next } = updatesOf(summary, data, stream, seed);
  for (let i = 0; i < n; i++) insert();
  summary.answer();
  const bytesPerElement = (heldBytes() - before) / n;
  const rows: { calls: number; microseconds: number; changes: number; certified: number }[] = [];
  const ratios: number[] = [];
  const every = Math.max(1, Math.floor(options.updates / samples));
  const endMs = performance.now() + 1000 * secondsMax;
  while (rows.length < options.updates && performance.now() < endMs) {
    const start = process.cpuUsage();
    next();
    const { oracleCalls, changed, certified, value } = summary.answer();
    const { user, system } = process.cpuUsage(start);
    const microseconds = user + system;
    rows.push({ calls: oracleCalls, microseconds, changes: changed, certified: certified ? 1 : 0 });
    if (rows.length % every === every - 1) ratios.push(value / greedyValue(summary, k));
  }
  ratios.push(summary.answer().value / greedyValue(summary, k));
  const column = (name: keyof (typeof rows)[0]) => Float64Array.from(rows, (row) => row[name]);
  return {
    calls: spread(column('calls')),
    microseconds: spread(column('microseconds')),
    ratio: { mean: meanOf(ratios), min: Math.min(...ratios) },
    changes: { mean: meanOf(column('changes')), max: spread(column('changes')).max },
    certified: meanOf(column('certified')),
    updates: rows.length,
    bytesPerElement,
  };
}
