/**
 * Whole programs, side by side in one run: `chunkwise compress` against the compressors that Debian has.
 *
 *   npm run build && npm run bench -- compression
 *   CHUNKWISE_ENWIK8=path npm run bench -- compression     with the first 1,000,000 bytes of that file
 *   CHUNKWISE_LEVELS=1,5,9                                  which levels of ours
 *   CHUNKWISE_FILES=movies.json,access.log                  which files
 *
 * Each program compresses each file once, on one thread, as a process of its own. CPU seconds and memory are those of the
 * whole process, its start included. Peers that are not installed are left out with a notice.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Group, svgBars, textBars } from './support/bar-chart.js';
import { placeFiles } from './support/compression-files.js';
import { runMeasured, type Took } from './support/measured-process.js';
import type { Result, Row } from './support/results.js';

const LEVELS = (process.env.CHUNKWISE_LEVELS ?? '1,5,9').split(',').map(Number);
const MAIN = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

interface Contender {
  readonly name: string;
  readonly program: string;
  /** Its arguments; where it does not write `output` itself, its standard output goes there. */
  readonly args: (input: string, output: string) => readonly string[];
  readonly writesFile?: boolean;
  readonly isOurs?: boolean;
  /** Whether it has something to say about a file. */
  readonly takes?: (name: string) => boolean;
}

const ours = (name: string, more: readonly string[], takes?: Contender['takes']): Contender => ({
  name,
  program: process.execPath,
  args: (input) => [MAIN, 'compress', input, '--output', '-', ...more],
  isOurs: true,
  ...(takes && { takes }),
});

const contenders: readonly Contender[] = [
  ...LEVELS.map((level) => ours(`chunkwise ${level}`, ['--bytes', '--level', `${level}`])),
  ours('chunkwise, by schema', [], (name) => name.endsWith('.arrow')),
  {
    name: 'zpaq -m5',
    program: 'zpaq',
    args: (input, output) => ['add', `${output}.zpaq`, input, '-m5', '-t1'],
    writesFile: true,
  },
  {
    name: '7-Zip PPMd',
    program: '7zz',
    args: (input, output) => ['a', '-m0=PPMd:o=16:mem=256m', '-mmt=1', `${output}.7z`, input],
    writesFile: true,
  },
  { name: 'bzip3', program: 'bzip3', args: (input) => ['-e', '-c', '-b', '16', input] },
  { name: 'xz -9e', program: 'xz', args: (input) => ['-9e', '-k', '-c', '-T1', input] },
  { name: 'brotli -11', program: 'brotli', args: (input) => ['-q', '11', '-w', '24', '-c', input] },
  { name: 'zstd --ultra -22', program: 'zstd', args: (input) => ['--ultra', '-22', '-q', '-c', input] },
];

interface Measured extends Took {
  readonly contender: Contender;
  readonly bytes: number;
}

const missing = new Set<string>();

async function measure(contender: Contender, input: string, output: string): Promise<Measured | undefined> {
  const { program, args, writesFile } = contender;
  const took = await runMeasured(program, args(input, output), writesFile ? undefined : output);
  if (took === undefined) {
    if (!missing.has(program)) console.error(`bench: ${program} is not installed and left out`);
    missing.add(program);
    return undefined;
  }
  const written = [output, `${output}.zpaq`, `${output}.7z`].find((path) =>
    statSync(path, { throwIfNoEntry: false }),
  );
  return { contender, bytes: statSync(written!).size, ...took };
}

async function measureAll(name: string, directory: string): Promise<Measured[]> {
  const input = join(directory, name);
  const found: Measured[] = [];
  for (const contender of contenders) {
    if (contender.takes?.(name) === false) continue;
    const output = join(directory, 'output');
    const measured = await measure(contender, input, output);
    if (measured !== undefined) found.push(measured);
    for (const suffix of ['', '.zpaq', '.7z']) rmSync(`${output}${suffix}`, { force: true });
  }
  return found;
}

function rowOf(size: number, base: number, { contender, bytes, cpuSeconds, peakBytes }: Measured): Row {
  return {
    program: contender.name,
    bytes,
    'bits/byte': ((8 * bytes) / size).toFixed(3),
    'x level 5': (bytes / base).toFixed(3),
    'CPU s': cpuSeconds.toFixed(2),
    'KB/s': (size / 1000 / cpuSeconds).toFixed(0),
    'memory MB': Math.round(peakBytes / 1e6),
  };
}

export async function bench(): Promise<Result[]> {
  const directory = mkdtempSync(join(tmpdir(), 'chunkwise-bench-'));
  const wanted = process.env.CHUNKWISE_FILES?.split(',');
  const groups: Group[] = [];
  const results: Result[] = [];
  try {
    for (const name of placeFiles(directory).filter((one) => wanted?.includes(one) ?? true)) {
      const { size } = statSync(join(directory, name));
      const found = await measureAll(name, directory);
      const base = found.find(({ contender }) => contender.name === 'chunkwise 5') ?? found[0]!;
      results.push({
        title: `${name}, ${size} bytes`,
        rows: found.map((one) => rowOf(size, base.bytes, one)),
      });
      const bars = found.map(({ contender, bytes }) => ({
        name: contender.name,
        value: (8 * bytes) / size,
        isOurs: contender.isOurs ?? false,
      }));
      groups.push({ name, bars });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const shown = (value: number) => value.toFixed(3);
  const title = 'Bits per byte, each file on a scale of its own';
  writeFileSync(
    fileURLToPath(new URL('results/compression.svg', import.meta.url)),
    svgBars(title, groups, shown),
  );
  const totals = groups.map(
    ({ name, bars }): Row => ({
      file: name,
      ...Object.fromEntries(bars.map((bar) => [bar.name, shown(bar.value)])),
    }),
  );
  const common = totals.map((row) => ({
    ...Object.fromEntries(Object.keys(totals[0]!).map((key) => [key, row[key] ?? '–'])),
  }));
  return [...results, { title, rows: common, plot: textBars(groups, shown) }];
}
