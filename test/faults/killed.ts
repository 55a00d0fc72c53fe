/**
 * A script that is killed at random moments, and started again until it is done.
 */
import { expect } from 'vitest';
import { started } from './child.js';

export interface Kills {
  /** Kills at most; starts are at most four times as many. */
  readonly most: number;
  /** The latest moment behind the line `running`, in milliseconds. */
  readonly withinMs: number;
  readonly random: () => number;
}

/** Runs a script that prints `running` and, at its end, `done …`. Every other end but a kill is a failure. Gives the kills. */
export async function killedUntilDone(
  script: string,
  args: readonly string[],
  { most, withinMs, random }: Kills,
): Promise<number> {
  for (let kills = 0; ; kills++) {
    expect(kills).toBeLessThan(4 * most);
    const { lines, signal, errors } = await started(script, args, {
      onLine: (line, child) => {
        if (line === 'running' && kills < most) setTimeout(() => child.kill('SIGKILL'), random() * withinMs);
      },
    });
    const isDone = lines.some((line) => line.startsWith('done'));
    if (isDone) return kills;
    expect(signal, errors).toBe('SIGKILL');
  }
}
