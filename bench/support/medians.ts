/**
 * Times contenders against each other: one run, interleaved, medians.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Frees what earlier samples left behind. It also makes the engine forget what it has compiled: not for short calls. */
export const collectGarbage = runInNewContext('gc') as () => void;

export interface Contender {
  readonly name: string;
  /** Does the whole work once. */
  readonly run: () => void | Promise<void>;
}

export interface Timing {
  readonly name: string;
  readonly medianMs: number;
  /** The median of the processor time that the whole process took, all of its threads together. */
  readonly cpuMs: number;
  /** Half of the rounds lie this far apart, relative to the median. */
  readonly spread: number;
}

/**
 * Each contender in turn, `rounds` times, after two rounds that do not count. What disturbs the machine disturbs all of
 * them alike. `between` is called before each sample.
 */
export async function medians(
  contenders: readonly Contender[],
  rounds: number,
  between: () => void = () => {},
): Promise<Timing[]> {
  const samples = contenders.map((): number[] => []);
  const cpuSamples = contenders.map((): number[] => []);
  for (let round = -2; round < rounds; round++) {
    for (const [i, { run }] of contenders.entries()) {
      between();
      const startMs = performance.now();
      const startCpu = process.cpuUsage();
      await run();
      if (round < 0) continue;
      samples[i]!.push(performance.now() - startMs);
      const { user, system } = process.cpuUsage(startCpu);
      cpuSamples[i]!.push((user + system) / 1000);
    }
  }
  return contenders.map(({ name }, i) => {
    const at = quantiles(samples[i]!);
    const cpuMs = quantiles(cpuSamples[i]!)(0.5);
    return { name, medianMs: at(0.5), cpuMs, spread: (at(0.75) - at(0.25)) / at(0.5) };
  });
}

function quantiles(samples: readonly number[]): (part: number) => number {
  const sorted = [...samples].sort((a, b) => a - b);
  return (part) => sorted[Math.floor(part * (sorted.length - 1))]!;
}
