/**
 * A program run once, with the CPU time and the memory that it took. Both are read from Linux's /proc while it runs, so a
 * program that ends within some milliseconds shows less than it took; elsewhere they are not known.
 */
import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';

const POLL_MS = 5;
/** What `getconf CLK_TCK` says on every Linux in use. */
const TICKS_PER_SECOND = 100;

export interface Took {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** Undefined where the program is not installed. What it writes to standard output goes to `output`. */
export function runMeasured(
  program: string,
  args: readonly string[],
  output?: string,
): Promise<Took | undefined> {
  const child = spawn(program, args, {
    stdio: ['ignore', output === undefined ? 'ignore' : openSync(output, 'w'), 'ignore'],
  });
  let took: Took = { cpuSeconds: Number.NaN, peakBytes: Number.NaN };
  const timer = setInterval(() => {
    took = (child.pid !== undefined && takenBy(child.pid)) || took;
  }, POLL_MS);
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearInterval(timer);
      if (error.code === 'ENOENT') resolve(undefined);
      else reject(error);
    });
    child.on('close', (code) => {
      clearInterval(timer);
      if (code === 0) resolve(took);
      else reject(new Error(`bench: ${program} ${args.join(' ')}, expected exit code 0, got ${code}`));
    });
  });
}

function takenBy(pid: number): Took | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [, peak] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (peak === undefined) return undefined;
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { cpuSeconds: ticks / TICKS_PER_SECOND, peakBytes: 1024 * Number(peak) };
  } catch {
    return undefined;
  }
}
