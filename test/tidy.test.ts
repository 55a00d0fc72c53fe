/**
 * The style, as far as a machine can hold us to it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && path !== 'package-lock.json');
const texts = new Map(
  tracked
    .filter((path) => /\.(ts|mjs|c|h|md|json|yaml)$/.test(path) && !path.startsWith('test/golden/'))
    .map((path) => [path, readFileSync(path, 'utf8')]),
);
const matching = (pattern: RegExp) => [...texts].filter(([path]) => pattern.test(path));
const code = matching(/^(src|operators|sources|sinks)\/.*\.ts$/).filter(
  ([path]) => !path.startsWith('src/kernels/wasm/'),
);

/** `path:line` of every line that a pattern finds. */
const lines = (files: readonly [string, string][], pattern: RegExp): string[] =>
  files.flatMap(([path, text]) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1} ${line.trim()}`] : [])),
  );

describe('tidy', () => {
  it('keeps every source file under 300 lines', () => {
    expect(code.filter(([, text]) => text.split('\n').length > 300).map(([path]) => path)).toEqual([]);
  });

  it('begins every source file with what it is for', () => {
    const bare = code.filter(([path, text]) => !/^(#!.*\n)?\/\*\*/.test(text) && !path.endsWith('/index.ts'));
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  it('imports nothing of Node at the top of a file that runs in browsers', () => {
    const browser = code.filter(([path]) => !path.startsWith('src/cli/'));
    expect(lines(browser, /^import (?!type).*from 'node:/)).toEqual([]);
  });

  it('keeps rxjs and msgpackr out of operators, and operators out of each other', () => {
    const operators = code.filter(([path]) => path.startsWith('operators/'));
    expect(lines(operators, /from '(rxjs|msgpackr)/)).toEqual([]);
    expect(lines(code, /from 'msgpackr'/).map((found) => found.split(':')[0])).toEqual(['src/snapshot.ts']);
  });

  it('knows no algorithm in the engine', () => {
    const engine = code.filter(([path]) => /^src\/[^/]*\.ts$/.test(path) && path !== 'src/index.ts');
    expect(lines(engine, /from '\.\.\/(operators|sources|sinks)/)).toEqual([]);
  });

  it('has a header with shapes, errors and source on every operator', () => {
    const makers = code.filter(
      ([path, text]) => path.startsWith('operators/') && /export const \w+ = define/.test(text),
    );
    expect(makers.length).toBeGreaterThan(0);
    for (const [path, text] of makers) {
      for (const word of ['In ', 'Out ', 'State ', 'Cost ', 'Error ', 'Nulls ', 'Differs ', 'Source ']) {
        expect(`${path} ${text.includes(` * ${word}`) ? 'says' : 'lacks'} ${word}`).toBe(
          `${path} says ${word}`,
        );
      }
    }
  });

  it('keeps a function under 60 lines', () => {
    expect(code.flatMap(([path, text]) => longFunctions(path, text))).toEqual([]);
  });

  it('leaves no marks of unfinished work, no machine paths and no escapes from types', () => {
    const all = [...texts].filter(([path]) => path !== 'test/tidy.test.ts');
    expect(lines(all, /\b(TODO|FIXME|XXX)\b|\/home\/|\/work\//)).toEqual([]);
    expect(lines(code, /@ts-(ignore|nocheck|expect-error)/)).toEqual([]);
  });

  it('links only to files that are there', () => {
    const broken = matching(/\.md$/).flatMap(([path, text]) => {
      const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
      return [...text.matchAll(/\]\(([^)#:]+)\)/g)]
        .map(([, target]) => new URL(folder + target, 'file:///').pathname.slice(1))
        .filter((target) => !tracked.includes(target));
    });
    expect(broken).toEqual([]);
  });
});

/** Functions at the top of a file or in a class, found by indentation: the formatter sees to that. */
function longFunctions(path: string, text: string): string[] {
  const all = text.split('\n');
  return all.flatMap((line, start) => {
    const indent = /^( {0,2})(export |async |function |#|get |static )*[\w#$*<>]+.*[({]$/.exec(line)?.[1];
    if (indent === undefined || !/\bfunction\b|^ {2}(async |\*)?#?\w+\(/.test(line)) return [];
    const end = all.findIndex((other, at) => at > start && other.startsWith(`${indent}}`));
    return end - start > 60 ? [`${path}:${start + 1} ${end - start} lines`] : [];
  });
}
