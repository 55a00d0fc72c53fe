import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RecordBatchFileWriter, tableFromArrays, tableFromIPC } from 'apache-arrow';
import { afterAll, describe, expect, it } from 'vitest';
import { compressed, joined, TINY, textBytes } from '../support/compressed.js';

const main = resolve('dist/src/cli/main.js');
const root = mkdtempSync(join(tmpdir(), 'chunkwise-cli-'));
afterAll(() => rmSync(root, { recursive: true }));

const movies = readFileSync('node_modules/vega-datasets/data/movies.json').subarray(0, 12_000);
const tiny = ['--level', '1', '--table-shift', '14'];

interface Said {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function chunkwise(cwd: string, args: readonly string[], input: Uint8Array = new Uint8Array()): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd, input });
  return { status, stdout, stderr: stderr.toString() };
}

/** A directory of its own, with a file in it. */
function place(name: string): string {
  const directory = join(root, name);
  mkdirSync(directory);
  writeFileSync(join(directory, 'movies.json'), movies);
  return directory;
}

const silent = { status: 0, stderr: '' };

describe('chunkwise compress and decompress', () => {
  it('turn a file into one beside it and back, with its mode and modification time', () => {
    const directory = place('there and back');
    const path = join(directory, 'movies.json');
    chmodSync(path, 0o640);
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    expect(chunkwise(directory, ['compress', 'movies.json', ...tiny])).toMatchObject(silent);
    const same = { mode: 0o100640, mtimeMs: 1_000_000_000_000 };
    expect(statSync(`${path}.cw`)).toMatchObject(same);
    expect(readFileSync(`${path}.cw`).equals(compressed(movies, TINY))).toBe(true);
    rmSync(path);
    expect(chunkwise(directory, ['decompress', 'movies.json.cw'])).toMatchObject(silent);
    expect(statSync(path)).toMatchObject(same);
    expect(readFileSync(path).equals(movies)).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(['movies.json', 'movies.json.cw']);
  });

  it('make the same bytes with every number of threads, and take them with every other', () => {
    const directory = place('threads');
    const parameters = ['--streams', '3', '--frame-bytes', '2000', ...tiny];
    const whole = compressed(movies, { ...TINY, streams: 3, frameBytes: 2000 });
    for (const threads of ['1', '2', '9']) {
      const { stdout } = chunkwise(directory, [
        'compress',
        '-o',
        '-',
        'movies.json',
        '--threads',
        threads,
        ...parameters,
      ]);
      expect(stdout.equals(whole)).toBe(true);
      const back = chunkwise(directory, ['decompress', '--threads', threads], stdout);
      expect(back.stdout.equals(movies)).toBe(true);
    }
    const asThreads = chunkwise(
      directory,
      ['compress', '--threads', '3', '--frame-bytes', '2000', ...tiny],
      movies,
    );
    expect(asThreads.stdout.equals(whole)).toBe(true);
  });

  it('take standard input, empty input too', () => {
    const directory = place('pipes');
    for (const bytes of [movies.subarray(0, 3000), new Uint8Array()]) {
      const { stdout } = chunkwise(directory, ['compress', ...tiny], bytes);
      expect(Buffer.compare(chunkwise(directory, ['decompress', '-'], stdout).stdout, bytes)).toBe(0);
    }
  });

  it('take several files, and tell of those that fail without leaving out the others', () => {
    const directory = place('several');
    writeFileSync(join(directory, 'other.txt'), 'other');
    const { status, stderr } = chunkwise(directory, [
      'compress',
      'movies.json',
      'nowhere',
      'other.txt',
      '--json',
      ...tiny,
    ]);
    expect(status).toBe(1);
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      input: 'movies.json',
      output: 'movies.json.cw',
      bytesIn: 12_000,
    });
    expect(lines[1]).toMatch(/^chunkwise: compress: file 'nowhere', expected .*ENOENT/);
    expect(JSON.parse(lines[2]!)).toMatchObject({ input: 'other.txt', bytesIn: 5 });
    expect(readdirSync(directory).sort()).toEqual([
      'movies.json',
      'movies.json.cw',
      'other.txt',
      'other.txt.cw',
    ]);
  });

  it('refuse what is compressed already and outputs that are there, unless forced', () => {
    const directory = place('refusals');
    chunkwise(directory, ['compress', 'movies.json', ...tiny]);
    const again = chunkwise(directory, ['compress', 'movies.json', ...tiny]);
    expect(again).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^chunkwise: compress: output .*--force.*\n$/),
    });
    expect(chunkwise(directory, ['compress', 'movies.json', '--force', ...tiny])).toMatchObject(silent);
    const twice = chunkwise(directory, ['compress', 'movies.json.cw', ...tiny]);
    expect(twice).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^chunkwise: compress: input .*--force.*\n$/),
    });
    expect(chunkwise(directory, ['compress', 'movies.json.cw', '-f', ...tiny])).toMatchObject(silent);
    expect(chunkwise(directory, ['decompress', 'movies.json.cw']).status).toBe(1);
  });

  it('leave nothing behind when the input is damaged', () => {
    const directory = place('damage');
    const bytes = compressed(movies, { ...TINY, frameBytes: 3000 });
    const bad = {
      'cut.cw': bytes.subarray(0, -3),
      'changed.cw': bytes.map((byte, i) => (i === 1500 ? byte ^ 1 : byte)),
    };
    for (const [name, content] of Object.entries(bad)) {
      writeFileSync(join(directory, name), content);
      const { status, stderr } = chunkwise(directory, ['decompress', name]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^chunkwise: decompress: [^\n]*expected[^\n]*\n$/);
    }
    expect(readdirSync(directory).sort()).toEqual(['changed.cw', 'cut.cw', 'movies.json']);
  });

  it('refuse a file that asks for more memory than allowed', () => {
    const directory = place('memory');
    const { status, stderr } = chunkwise(
      directory,
      ['decompress', '--max-memory', '100000'],
      compressed(movies, TINY),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/maxMemoryBytes, expected at most 100000/);
  });

  it.each([
    ['a level that there is not', ['compress', '--level', '10']],
    ['a level that is no number', ['compress', '--level', 'best']],
    ['no threads', ['compress', '--threads', '0']],
    ['threads with checkpoints', ['compress', 'movies.json', '--threads', '2', '--checkpoint', 'x']],
    ['checkpoints of standard input', ['compress', '--checkpoint', 'x']],
    ['several files into one', ['compress', 'a', 'b', '-o', 'c']],
    ['a name without .cw', ['decompress', 'movies.json']],
    ['an unknown option', ['compress', '--best']],
  ])('answer %s with one line and exit code 2', (name, args) => {
    const { status, stderr } = chunkwise(place(`usage, ${name}`), args);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^chunkwise: [^\n]*\n$/);
  });

  it('write from a checkpoint what they write without, and do nothing once all is done', () => {
    const directory = place('checkpoint');
    const args = ['movies.json', '--checkpoint', 'ck', '--every-seconds', '0.05', '--json'];
    const compress = ['compress', ...args, '--frame-bytes', '2000', '--streams', '2', ...tiny];
    for (const resumedBytes of [12_000, 12_000]) {
      const { status, stderr } = chunkwise(directory, compress);
      expect([status, JSON.parse(stderr).bytesIn]).toEqual([0, resumedBytes]);
      const written = readFileSync(join(directory, 'movies.json.cw'));
      expect(written.equals(compressed(movies, { ...TINY, frameBytes: 2000, streams: 2 }))).toBe(true);
    }
    const other = chunkwise(directory, [...compress, '--level', '2']);
    expect(other).toMatchObject({ status: 1, stderr: expect.stringMatching(/options/) });
    const back = [
      'decompress',
      'movies.json.cw',
      '-o',
      'back.json',
      '--checkpoint',
      'ck2',
      '--every-seconds',
      '0.05',
    ];
    expect(chunkwise(directory, back)).toMatchObject(silent);
    expect(readFileSync(join(directory, 'back.json')).equals(movies)).toBe(true);
  });
});

describe('chunkwise compress of an Arrow file', () => {
  const table = tableFromArrays({
    id: Int32Array.from({ length: 300 }, (_, i) => i * 7),
    city: Array.from({ length: 300 }, (_, i) => ['Köln', 'Bonn', 'Essen'][(i * i) % 3]!),
  });
  const file = RecordBatchFileWriter.writeAll(table).toUint8Array(true);
  const rowsOf = (bytes: Uint8Array) => tableFromIPC(bytes).toArray().map(String);

  it('gives back an Arrow file of equal rows, and the same file where it was taken as bytes', () => {
    const directory = place('arrow');
    writeFileSync(join(directory, 'cities.arrow'), file);
    expect(chunkwise(directory, ['compress', 'cities.arrow', '--level', '1'])).toMatchObject(silent);
    expect(chunkwise(directory, ['inspect', 'cities.arrow.cw']).stdout.toString()).toMatch(
      /compressed batches/,
    );
    expect(chunkwise(directory, ['test', 'cities.arrow.cw'])).toMatchObject(silent);
    expect(chunkwise(directory, ['decompress', 'cities.arrow.cw', '-o', 'back.arrow'])).toMatchObject(silent);
    const back = readFileSync(join(directory, 'back.arrow'));
    expect(rowsOf(back)).toEqual(rowsOf(file));
    expect(tableFromIPC(back).schema.fields.map(String)).toEqual(table.schema.fields.map(String));
    const asStream = chunkwise(directory, ['decompress', 'cities.arrow.cw', '-o', '-']).stdout;
    expect(rowsOf(asStream)).toEqual(rowsOf(file));
    const asBytes = chunkwise(directory, ['compress', 'cities.arrow', '--bytes', '-o', '-', ...tiny]).stdout;
    expect(chunkwise(directory, ['decompress'], asBytes).stdout.equals(file)).toBe(true);
  });

  it('says in one line that it is damaged', () => {
    const directory = place('damaged arrow');
    writeFileSync(join(directory, 'cut.arrow'), file.subarray(0, -100));
    const { status, stderr } = chunkwise(directory, ['compress', 'cut.arrow']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^chunkwise: arrowFile [^\n]*\n$/);
    expect(readdirSync(directory).sort()).toEqual(['cut.arrow', 'movies.json']);
  });
});

describe('chunkwise test', () => {
  it('says that a whole file is whole, and what is wrong with another', () => {
    const directory = place('test');
    const bytes = compressed(movies.subarray(0, 5000), TINY);
    writeFileSync(join(directory, 'whole.cw'), bytes);
    writeFileSync(join(directory, 'longer.cw'), joined([bytes, textBytes('x')]));
    const whole = chunkwise(directory, ['test', 'whole.cw']);
    expect([whole.status, whole.stdout.toString()]).toEqual([0, 'whole.cw: whole, 5.00 kB\n']);
    expect(chunkwise(directory, ['test', '--quiet', 'whole.cw']).stdout.length).toBe(0);
    const both = chunkwise(directory, ['test', 'longer.cw', 'whole.cw']);
    expect(both.status).toBe(1);
    expect(both.stderr).toMatch(/^chunkwise: test: bytes behind the end, expected none, got more\.\n$/);
    expect(both.stdout.toString()).toMatch(/^whole.cw: whole/);
    expect(readdirSync(directory).sort()).toEqual(['longer.cw', 'movies.json', 'whole.cw']);
  });
});

describe('chunkwise inspect', () => {
  it('tells level, sizes and frames of a compressed file without decompressing it', () => {
    const directory = place('inspect');
    chunkwise(directory, ['compress', 'movies.json', '--frame-bytes', '2500', '--threads', '2', ...tiny]);
    const { status, stdout } = chunkwise(directory, ['inspect', 'movies.json.cw']);
    expect(status).toBe(0);
    const text = stdout.toString();
    expect(text).toMatch(/^movies.json.cw: compressed bytes, 12.0 kB in [\d.]+ kB, [\d.]+ bits\/byte\n/);
    expect(text).toMatch(/level +1, tables 2\^14 smaller\n +streams +2\n/);
    expect(text).toMatch(/frames +5, CRC-32C [0-9a-f]{8}\n/);
    expect(text).toMatch(/4 +coded +2000 /);
    expect(existsSync(join(directory, 'movies.json.cw.partial'))).toBe(false);
  });
});
