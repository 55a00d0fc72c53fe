/**
 * The whole public index loads and works without Node: in a context that has only what browsers have, and in Chromium
 * where there is one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { buildSync, type Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { work } from './page.js';

const CHROMIUM = '/usr/bin/chromium';
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

function bundled(entry: string): { code: string; metafile: Metafile } {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [at(entry)],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    target: 'es2022',
    external: ['node:*'],
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  return { code: outputFiles[0]!.text, metafile };
}

/** What browsers have besides the language itself. */
const browserGlobals = () => ({
  AbortController,
  AbortSignal,
  DOMException,
  ReadableStream,
  TextDecoder,
  TextEncoder,
  TransformStream,
  URL,
  WritableStream,
  atob,
  btoa,
  clearTimeout,
  console,
  performance,
  queueMicrotask,
  setTimeout,
  structuredClone,
});

let code = '';

beforeAll(() => {
  ({ code } = bundled('./page.ts'));
});

describe('without Node', () => {
  it.each(['src/index.ts', 'operators/index.ts', 'operators/naive.ts', 'sources/index.ts', 'sinks/index.ts'])(
    '%s imports nothing of Node except on use',
    (entry) => {
      const { metafile } = bundled(`../../${entry}`);
      const imports = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
        imports.filter(({ external }) => external).map(({ kind, path }) => `${file}: ${kind} ${path}`),
      );
      expect(imports.filter((line) => !line.includes(': dynamic-import node:'))).toEqual([]);
    },
  );

  it('the public index loads, and a dataflow with checkpoints gives the numbers that it gives in Node', async () => {
    const context = createContext(browserGlobals());
    runInContext(code, context);
    expect(runInContext('typeof process + typeof require + typeof Buffer', context)).toBe(
      'undefined'.repeat(3),
    );
    const found = (await runInContext('page.work()', context)) as string;
    expect(found).toBe(await work());
  });

  it.skipIf(!existsSync(CHROMIUM))(
    `and so it does in ${CHROMIUM} (skipped where that is not installed)`,
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'chunkwise-'));
      try {
        const page = join(directory, 'page.html');
        const script = `${code.replaceAll('</script', '<\\/script')}
        page.work().then((found) => { document.title = found; }, (error) => { document.title = String(error); });`;
        writeFileSync(page, `<!doctype html><meta charset="utf-8"><script>${script}</script>`);
        const flags = [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--virtual-time-budget=10000',
          '--dump-dom',
        ];
        const dom = execFileSync(CHROMIUM, [...flags, pathToFileURL(page).href], {
          encoding: 'utf8',
          timeout: 30_000,
        });
        expect(/<title>(.*?)<\/title>/.exec(dom)?.[1]).toBe(await work());
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});
