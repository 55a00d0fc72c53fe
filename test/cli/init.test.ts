import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const main = resolve('dist/src/cli/main.js');
const cwd = mkdtempSync(join(tmpdir(), 'chunkwise-init-'));
afterAll(() => rmSync(cwd, { recursive: true }));

const chunkwise = (...args: string[]) =>
  spawnSync(process.execPath, [main, ...args], { cwd, encoding: 'utf8' });

describe('chunkwise init', () => {
  it.each(['birdstrikes.csv', 'seattle-weather.csv', 'stocks.csv'])(
    'writes a flow for %s that is valid, runs and keeps the columns',
    (name) => {
      cpSync(`node_modules/vega-datasets/data/${name}`, join(cwd, name));
      const stem = name.replace('.csv', '');
      expect(chunkwise('init', name, '-o', `${stem}.yaml`).stderr).toBe('');
      expect(chunkwise('validate', `${stem}.yaml`).stdout).toContain(`${stem}: valid`);
      const { status, stderr } = chunkwise('run', `${stem}.yaml`, '--quiet');
      expect([status, stderr]).toEqual([0, '']);
      const [first] = readFileSync(join(cwd, `${stem}.out.jsonl`), 'utf8').split('\n');
      const header = readFileSync(join(cwd, name), 'utf8').split('\n')[0]!.trim().split(',');
      const columns = Object.keys(JSON.parse(first!));
      expect(columns.slice(0, header.length)).toEqual(header);
      expect(columns.slice(header.length).every((column) => column.endsWith('_z'))).toBe(true);
      expect(columns.length).toBeGreaterThan(header.length);
    },
  );

  it('prints where no file is asked for, and replaces none unasked', () => {
    writeFileSync(join(cwd, 'words.csv'), 'word\nyes\nno\n');
    expect(chunkwise('init', 'words.csv').stdout).toContain('steps: []');
    writeFileSync(join(cwd, 'kept.yaml'), 'mine');
    expect(chunkwise('init', 'words.csv', '-o', 'kept.yaml').status).toBe(2);
    expect(readFileSync(join(cwd, 'kept.yaml'), 'utf8')).toBe('mine');
    expect(chunkwise('init', 'words.csv', '-o', 'kept.yaml', '--force').status).toBe(0);
    expect(existsSync(join(cwd, 'words.out.jsonl'))).toBe(false);
  });

  it('says in one line what it cannot read', () => {
    expect(chunkwise('init', 'data.txt').stderr).toMatch(
      /^chunkwise: 'data.txt', expected a file that ends with one of .csv/,
    );
    expect(chunkwise('init', 'nothing.csv').stderr).toMatch(
      /^chunkwise: csvFile 'nothing.csv': opening the file.*\n$/,
    );
  });
});
