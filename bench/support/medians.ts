/**
 * Times contenders against each other: one run, interleaved, medians.
 */

export interface Contender {
  readonly name: string;
  /** Does the whole work once. */
  readonly run: () => void | Promise<void>;
}

export interface Timing {
  readonly name: string;
  readonly medianMs: number;
  /** Half of the rounds lie this far apart, relative to the median. */
  readonly spread: number;
}

/**
 * Each contender in turn, `rounds` times, after two rounds that do not count. What disturbs the machine disturbs all of
 * them alike.
 */
export async function medians(contenders: readonly Contender[], rounds: number): Promise<Timing[]> {
  const samples = contenders.map((): number[] => []);
  for (let round = -2; round < rounds; round++) {
    for (const [i, { run }] of contenders.entries()) {
      globalThis.gc?.();
      const startMs = performance.now();
      await run();
      if (round >= 0) samples[i]!.push(performance.now() - startMs);
    }
  }
  return contenders.map(({ name }, i) => {
    const sorted = samples[i]!.sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]!;
    return { name, medianMs: at(0.5), spread: (at(0.75) - at(0.25)) / at(0.5) };
  });
}
