/**
 * The README's first example prints what its comments say.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it("README's first example prints what its comments say", () => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync('README.md', 'utf8'))!;
  const promised = [...code!.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
  mkdirSync('dist', { recursive: true });
  writeFileSync('dist/readme-example.ts', code!);
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', 'dist/readme-example.ts'], {
    encoding: 'utf8',
  });
  expect(promised.length).toBeGreaterThan(0);
  expect(stdout.trimEnd().split('\n')).toEqual(promised);
});
