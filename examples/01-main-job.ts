/**
 * The main job: real flights through keyed recurrent state, killed half way, resumed, and not a byte differs.
 *
 * Prints:
 *   run               ended by   rows     resumed at   checkpoints kept
 *   uninterrupted     exit 0     200000   –            3
 *   killed half way   SIGKILL    –        –            3
 *   the same again    exit 0     200000   batch 96     3
 *   both outputs: 4069618 bytes, equal to the last
 *   delay expected from                            mean absolute error, minutes
 *   the mean of all flights, known only at night   18.99
 *   a memory of 4 flights                          18.70
 *   a memory of 32 flights                         18.54
 *   a memory of 256 flights                        18.20
 *   minutes of delay by time of day, as flown and as expected by a memory of 32 flights
 *   …
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import asciichart from 'asciichart';
import { memories } from './flights.js';

const directory = mkdtempSync(join(tmpdir(), 'chunkwise-'));

/** One run of the flow by the command line, in a process of its own. */
function run(name: string, checkpoints: string, output: string, kill: boolean): string[] {
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    [
      'dist/src/cli/main.js',
      'run',
      'examples/flights.ts',
      '--checkpoint',
      join(directory, checkpoints),
      '--every-batches',
      '8',
      '--json',
    ],
    {
      env: { ...process.env, OUT: join(directory, output), KILL_HALF_WAY: kill ? '1' : '0' },
      encoding: 'utf8',
    },
  );
  const [line] = stderr.split('\n').filter((each) => each.startsWith('{'));
  if (status !== 0 && signal === null) throw new Error(stderr);
  const report =
    line === undefined ? undefined : (JSON.parse(line) as { rows: number; resumedAt: number | null });
  const kept = readdirSync(join(directory, checkpoints)).filter((name) => name.endsWith('.bin')).length;
  const from = report?.resumedAt === null || report === undefined ? '–' : `batch ${report.resumedAt}`;
  return [name, signal ?? `exit ${status}`, `${report?.rows ?? '–'}`, from, `${kept}`];
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('   ')
        .trimEnd(),
    );
}

try {
  print([
    ['run', 'ended by', 'rows', 'resumed at', 'checkpoints kept'],
    run('uninterrupted', 'a', 'uninterrupted.arrow', false),
    run('killed half way', 'b', 'resumed.arrow', true),
    run('the same again', 'b', 'resumed.arrow', false),
  ]);

  const [whole, resumed] = ['uninterrupted.arrow', 'resumed.arrow'].map((name) =>
    readFileSync(join(directory, name)),
  );
  if (!whole!.equals(resumed!)) throw new Error('the resumed output differs from the uninterrupted one');
  console.log(
    `\nboth outputs: ${statSync(join(directory, 'resumed.arrow')).size} bytes, equal to the last\n`,
  );

  const table = tableFromIPC(resumed);
  const delays = table.getChild('delay')!.toArray() as Int16Array;
  const times = table.getChild('time')!.toArray() as Float32Array;
  const expected = table.getChild('expected')!.data.map((data) => data.children[0]!.values as Float32Array);
  const flat = Float32Array.from(expected.flatMap((part) => Array.from(part)));

  const meanAbsolute = (errorOf: (row: number) => number) =>
    delays.reduce((sum, _, row) => sum + Math.abs(errorOf(row)), 0) / delays.length;
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  print([
    ['delay expected from', 'mean absolute error, minutes'],
    ['the mean of all flights, known only at night', meanAbsolute((row) => delays[row]! - mean).toFixed(2)],
    ...memories.map((flights, i) => [
      `a memory of ${flights} flights`,
      meanAbsolute((row) => delays[row]! - flat[row * memories.length + i]!).toFixed(2),
    ]),
  ]);

  const firstHour = 6;
  const sums = Array.from({ length: (24 - firstHour) * 4 }, () => [0, 0, 0] as [number, number, number]);
  delays.forEach((delay, row) => {
    const sum = sums[Math.floor((times[row]! - firstHour) * 4)];
    if (sum === undefined) return;
    sum[0] += delay;
    sum[1] += flat[row * memories.length + 1]!;
    sum[2]++;
  });
  const series = ([0, 1] as const).map((which) => sums.map((sum) => sum[which] / Math.max(1, sum[2])));
  console.log(
    `\nminutes of delay by time of day, as flown and as expected by a memory of ${memories[1]} flights`,
  );
  const colors = process.stdout.isTTY ? [asciichart.default, asciichart.lightblue] : [];
  console.log(asciichart.plot(series, { height: 12, colors }));
  console.log(
    `${' '.repeat(12)}${[6, 9, 12, 15, 18, 21].map((hour) => `${hour} h`.padEnd(12)).join('')}24 h`,
  );
} finally {
  rmSync(directory, { recursive: true });
}
