import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  Field,
  Int32,
  List,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Table,
  tableFromArrays,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { afterAll, describe, expect, it } from 'vitest';

const main = resolve('dist/src/cli/main.js');
const directory = mkdtempSync(join(tmpdir(), 'chunkwise-cli-'));
afterAll(() => rmSync(directory, { recursive: true }));

const flights = 'node_modules/vega-datasets/data/flights-200k.arrow';
const columns = { q: 'time', k: 'time', v: 'delay' };
const step = `lightningAttention ${JSON.stringify({ keyDim: 1, valueDim: 1, columns })}`;

function chunkwise(args: readonly string[], input?: Uint8Array, cwd = '.') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd,
    maxBuffer: 1 << 28,
    ...(input && { input }),
  });
  return { status, stdout, stderr: stderr.toString() };
}

const stream = (table: Table) => RecordBatchStreamWriter.writeAll(table).toUint8Array(true);
const file = (table: Table) => RecordBatchFileWriter.writeAll(table).toUint8Array(true);

describe('chunkwise pipe', () => {
  it('runs a real Arrow file from standard input through an operator to an Arrow stream', () => {
    const { status, stdout, stderr } = chunkwise(['pipe', step], readFileSync(flights));
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const table = tableFromIPC(stdout);
    expect(table.numRows).toBe(200_000);
    expect(table.schema.names).toEqual(['delay', 'distance', 'time', 'o']);
  });

  it('takes several steps, one of them per key', () => {
    const renamed = `retention ${JSON.stringify({ keyDim: 1, valueDim: 1, columns: { ...columns, o: 'slow' } })}`;
    const keyed = `${renamed} perKey ${JSON.stringify({ column: 'distance', maxKeys: 2000 })}`;
    const { status, stdout } = chunkwise(
      ['pipe', step, keyed, 'rebatch {"rows": 50000}'],
      readFileSync(flights),
    );
    expect(status).toBe(0);
    const table = tableFromIPC(stdout);
    expect(table.schema.names).toEqual(['delay', 'distance', 'time', 'o', 'slow']);
    expect(table.batches.map(({ numRows }) => numRows)).toEqual([50_000, 50_000, 50_000, 50_000]);
  });

  it('keeps a summary of a window, its objective named', () => {
    const items = vectorFromArray([[1, 2], [2], [3, 4, 5], [1]], new List(new Field('item', new Int32())));
    const sets = new Table({ id: vectorFromArray(['a', 'b', 'c', 'd'], new Utf8()), items });
    const options = { k: 1, emit: 'row', objective: { coverage: { maxItems: 6 } } };
    const window = 'slidingWindow {"windowRows": 1}';
    const text = `dynamicSubmodular ${JSON.stringify(options)} ${window}`;
    const { stdout, stderr } = chunkwise(['pipe', text], stream(sets));
    expect(stderr).toBe('');
    const answers = tableFromIPC(stdout);
    expect(answers.toArray().map(({ value, selected }) => [value, ...selected])).toEqual([
      [2, 'a'],
      [1, 'b'],
      [3, 'c'],
      [1, 'd'],
    ]);
  });

  it('reports as JSON on standard error when asked', () => {
    const { stderr } = chunkwise(['pipe', step, '--json'], readFileSync(flights));
    expect(JSON.parse(stderr)).toMatchObject({ rows: 200_000, complete: true, resumedAt: null });
  });

  it('writes a file whole or not at all, and overwrites one only with --force', () => {
    const output = join(directory, 'piped.arrow');
    expect(chunkwise(['pipe', step, '-i', flights, '-o', output]).status).toBe(0);
    expect(tableFromIPC(readFileSync(output)).numRows).toBe(200_000);
    const again = chunkwise(['pipe', step, '-i', flights, '-o', output]);
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/^chunkwise: arrowFileSink '[^']*': .*\n$/);
    expect(chunkwise(['pipe', step, '-i', flights, '-o', output, '--force']).status).toBe(0);
    const cut = readFileSync(flights).subarray(0, 700_000);
    const broken = join(directory, 'broken.arrow');
    expect(chunkwise(['pipe', step, '-o', broken], cut).status).toBe(1);
    expect(readdirSync(directory).filter((name) => name.startsWith('broken'))).toEqual([]);
  });

  const small = tableFromArrays({
    time: Float32Array.of(1, 2),
    delay: Float32Array.of(3, 4),
    text: ['a', 'b'],
  });
  it.each([
    ['nothing at all', new Uint8Array(), /TRUNCATED|cut off|expected/],
    ['what is not Arrow', new TextEncoder().encode('delay,time\n1,2\n3,4\n'), /arrowStream: .*expected/],
    ['a stream without its end', stream(small).subarray(0, -8), /cut off/],
    ['a file without its end', file(small).subarray(0, -30), /arrowStream: .*expected/],
  ])('answers %s with one line and exit code 1', (_name, input, message) => {
    const { status, stderr } = chunkwise(['pipe', step], input);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^chunkwise: [^\n]*\n$/);
    expect(stderr).toMatch(message);
  });

  it.each([
    ['a missing column', { ...columns, q: 'nope' }, /column 'nope' is missing/],
    ['a column of another type', { ...columns, q: 'text' }, /type of column 'text', expected FixedSizeList/],
  ])('answers %s with one line and exit code 1', (_name, wrong, message) => {
    const wanted = `retention ${JSON.stringify({ keyDim: 1, valueDim: 1, columns: wrong })}`;
    const { status, stderr } = chunkwise(['pipe', wanted], stream(small));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^chunkwise: 1:retention: [^\n]*\n$/);
    expect(stderr).toMatch(message);
  });

  it('answers a column of another width with one line and exit code 1', () => {
    const wide = `retention ${JSON.stringify({ keyDim: 2, valueDim: 1, columns })}`;
    const { status, stderr } = chunkwise(['pipe', wide], stream(small));
    expect([status, stderr]).toEqual([
      1,
      "chunkwise: 1:retention: width of column 'time', expected 2, got 1.\n",
    ]);
  });

  it.each([
    ['an unknown operator', 'nope {}', /operator 'nope' is not known, expected one of .*retention/],
    ['options that are not JSON', 'retention {keyDim: 1}', /expected JSON options/],
    [
      'an option out of range',
      'retention {"keyDim": 0, "valueDim": 1}',
      /option keyDim, expected an integer/,
    ],
    ['an unknown option', 'retention {"keyDim": 1, "valueDim": 1, "head": 2}', /'head'/],
  ])('answers %s with one line and exit code 2', (_name, text, message) => {
    const { status, stderr } = chunkwise(['pipe', text], stream(small));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^chunkwise: [^\n]*\n$/);
    expect(stderr).toMatch(message);
  });

  it('prints a stack only with --debug', () => {
    expect(chunkwise(['--debug', 'pipe', step], new Uint8Array()).stderr).toMatch(/\n {4}at /);
  });
});

describe('chunkwise run', () => {
  const flow = join(directory, 'flow.mjs');
  const output = join(directory, 'out.arrow');
  const checkpoints = join(directory, 'checkpoints');
  const library = JSON.stringify(resolve('dist/src/index.js'));
  writeFileSync(
    flow,
    `import { arrowFile, arrowFileSink, dataflow, lightningAttention } from ${library};
     export default dataflow('cli').from(arrowFile(${JSON.stringify(resolve(flights))}, { batchRows: 1000 }))
       .step('memory', lightningAttention(${JSON.stringify({ keyDim: 1, valueDim: 1, columns })}))
       .to(arrowFileSink(${JSON.stringify(output)}));`,
  );

  it('runs a flow with checkpoints, and the same command again does nothing more', () => {
    const first = chunkwise(['run', flow, '--checkpoint', checkpoints, '--json']);
    expect(first.status).toBe(0);
    expect(JSON.parse(first.stderr)).toMatchObject({
      rows: 200_000,
      batches: 200,
      resumedAt: null,
      complete: true,
    });
    expect(tableFromIPC(readFileSync(output)).numRows).toBe(200_000);
    const again = chunkwise(['run', flow, '--checkpoint', checkpoints, '--json']);
    expect(again.status).toBe(0);
    expect(JSON.parse(again.stderr)).toMatchObject({ rows: 200_000, resumedAt: 200, complete: true });
  });

  it('starts over with --restart, and then refuses to overwrite the output', () => {
    const other = join(directory, 'other');
    cpSync(checkpoints, other, { recursive: true });
    const { status, stderr } = chunkwise(['run', flow, '--checkpoint', other, '--restart']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^chunkwise: arrowFileSink '[^']*': [^\n]*\n$/);
  });

  it('runs a flow in TypeScript', () => {
    const typed = join(directory, 'flow.ts');
    writeFileSync(typed, readFileSync(flow, 'utf8').replaceAll('out.arrow', 'typed.arrow'));
    expect(chunkwise(['run', typed]).stderr).toBe('');
    expect(existsSync(join(directory, 'typed.arrow'))).toBe(true);
  });

  it('answers a module that is no flow, and one that is not there, as usage errors', () => {
    const empty = join(directory, 'empty.mjs');
    writeFileSync(empty, 'export default 1;');
    expect(chunkwise(['run', empty])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/expected a dataflow/),
    });
    expect(chunkwise(['run', 'nowhere.mjs'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/no such file/),
    });
  });
});

describe('chunkwise inspect', () => {
  it('tells the columns, rows and batches of an Arrow file', () => {
    const text = chunkwise(['inspect', flights]).stdout.toString();
    expect(text).toMatch(/200 k rows in \d+ batches/);
    expect(text).toMatch(/distance {2}Int16/);
  });

  it('tells the steps and positions of checkpoints', () => {
    const text = chunkwise(['inspect', join(directory, 'checkpoints')]).stdout.toString();
    expect(text).toMatch(/checkpoint of 'cli', (complete|to be resumed)/);
    expect(text).toMatch(/memory +lightningAttention 1/);
  });

  it('answers what is not there with one line and exit code 1', () => {
    expect(chunkwise(['inspect', 'nowhere'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^chunkwise: [^\n]*\n$/),
    });
  });
});

describe('chunkwise operators', () => {
  it('lists every operator with what it does', () => {
    const text = chunkwise(['operators']).stdout.toString();
    for (const name of ['linearAttention', 'lightningAttention', 'retention']) expect(text).toContain(name);
  });

  it('tells the columns, options and state of one', () => {
    const text = chunkwise(['operators', 'retention']).stdout.toString();
    expect(text).toMatch(/keyDim +width K/);
    expect(text).toMatch(/in +q +FixedSizeList/);
    expect(text).toMatch(/state +[\d.]+ kB: S f32/);
  });

  it('tells the objectives that a summary can be of', () => {
    const text = chunkwise(['operators', 'dynamicSubmodular']).stdout.toString();
    expect(text).toMatch(/objective +what .*coverage \{maxItems, weights\}, facilityLocation \{dim, /);
    expect(text).toMatch(/with {"k":6,"objective":{"coverage":{"maxItems":100}}/);
  });
});

describe('a shell', () => {
  it('can put chunkwise between two programs', () => {
    const command = `cat ${flights} | node ${main} pipe '${step}' | node ${main} pipe 'rebatch {"rows": 100000}' | wc -c`;
    expect(Number(execFileSync('bash', ['-c', command], { encoding: 'utf8' }))).toBeGreaterThan(2_000_000);
  });
});
