/**
 * Every numbered example runs as a user would run it, and prints what its header says.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const examples = readdirSync('examples').filter((name) => /^\d\d-.*\.ts$/.test(name));

/** The lines behind `Prints:` in the header. A line `…` stands for any number of lines. */
function promised(source: string): string[] {
  const header = source.slice(0, source.indexOf('*/'));
  const lines = header.slice(header.indexOf('Prints:')).split('\n').slice(1);
  return lines
    .map((line) => line.replace(/^ \* {0,3}/, '').trimEnd())
    .filter((line) => line !== '' && line !== ' ');
}

describe('examples', () => {
  it.each(examples)('%s prints what its header says', (name) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', `examples/${name}`], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const lines = promised(readFileSync(`examples/${name}`, 'utf8'));
    expect(lines.length).toBeGreaterThan(0);
    const printed = stdout
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '');
    let at = 0;
    let mayskip = false;
    for (const line of lines) {
      if (line === '…') {
        mayskip = true;
        continue;
      }
      if (mayskip) at = Math.max(at, printed.indexOf(line, at));
      expect(printed[at]).toBe(line);
      at++;
      mayskip = false;
    }
    if (!mayskip) expect(printed.length).toBe(at);
  });
});
