/**
 * A file that says which process works in a directory, so that a second one is refused. What a killed process leaves
 * behind does not count: the file names a process and when it was started.
 */
import { optionRange, reason, sinkFailed } from './errors.js';

const NAME = 'in-use';

/** Directories that runs of this process work in. */
const own = new Set<string>();

/** Takes a directory for one run; the function gives it free. OPTION_RANGE where another run that lives has it. */
export async function lockDirectory(path: string): Promise<() => Promise<void>> {
  const { mkdir, readFile, realpath, rm, writeFile } = await import('node:fs/promises');
  const file = `${path}/${NAME}`;
  try {
    await mkdir(path, { recursive: true });
    const directory = await realpath(path);
    const holder = await readFile(file, 'utf8').catch(() => '');
    const holderPid = Number.parseInt(holder, 10);
    if (own.has(directory)) throw inUse(path, process.pid);
    if (holderPid !== process.pid && isAlive(holder)) throw inUse(path, holderPid);
    own.add(directory);
    const release = async () => {
      own.delete(directory);
      await rm(file, { force: true });
    };
    await writeFile(file, processInWords(process.pid)).catch(async (error: unknown) => {
      await release();
      throw error;
    });
    return release;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'OPTION_RANGE') throw error;
    throw sinkFailed('directoryStore', `directory ${path}`, 'to take it for this run', reason(error), error);
  }
}

function inUse(path: string, pid: number) {
  const advice = 'Give each run a directory of its own.';
  const got = `${path}, used by process ${pid}`;
  return optionRange('directoryStore', 'path', 'a directory that no other run uses', got, advice);
}

/** A process's number and, where the system tells, when it was started: numbers are used again. */
const processInWords = (pid: number) => `${pid} ${startOf(pid) ?? ''}`;

function startOf(pid: number): string | undefined {
  try {
    const stat = process.getBuiltinModule('node:fs').readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20];
  } catch {
    return undefined;
  }
}

function isAlive(holder: string): boolean {
  const pid = Number.parseInt(holder, 10);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return holder === processInWords(pid);
}
