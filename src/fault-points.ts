/**
 * Named points at which a crash test kills the process: `CHUNKWISE_CRASH_AT=checkpoint:before-rename`.
 * Without that variable, passing a point costs one comparison.
 */
export type FaultPoint =
  | `checkpoint:${'before' | 'after'}-${'write' | 'rename'}`
  | `sink:${'before' | 'after'}-${'sync' | 'rename' | 'commit'}`;

export function reached(point: FaultPoint): void {
  const { process } = globalThis;
  if (process?.env?.CHUNKWISE_CRASH_AT === point) process.kill(process.pid, 'SIGKILL');
}
