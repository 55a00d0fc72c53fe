/**
 * The whole public index loads and works without Node: in a context that has only what browsers have, and in Chromium
 * where there is one.
 */
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundled, CHROMIUM, inBareContext, inChromium, OPTIONAL_PEERS } from './bundle.js';
import { work } from './page.js';

let code = '';

beforeAll(() => {
  ({ code } = bundled('./page.ts'));
});

describe('without Node', () => {
  it.each(['src/index.ts', 'operators/index.ts', 'operators/naive.ts', 'sources/index.ts', 'sinks/index.ts'])(
    '%s imports nothing of Node and no optional package except on use',
    (entry) => {
      const { metafile } = bundled(`../../${entry}`);
      const imports = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
        imports.filter(({ external }) => external).map(({ kind, path }) => `${file}: ${kind} ${path}`),
      );
      const onUse = ['node:', ...OPTIONAL_PEERS].map((name) => `: dynamic-import ${name}`);
      expect(imports.filter((line) => !onUse.some((use) => line.includes(use)))).toEqual([]);
    },
  );

  it('the public index loads, and a dataflow with checkpoints gives the numbers that it gives in Node', async () => {
    const found = await inBareContext(code, 'work()');
    expect(found).toBe(await work());
  });

  it.skipIf(!existsSync(CHROMIUM))(
    `and so it does in ${CHROMIUM} (skipped where that is not installed)`,
    async () => expect(inChromium(code, 'work()')).toBe(await work()),
  );
});
