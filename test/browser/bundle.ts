/**
 * Bundles for browsers, and two places to run them: a context that has only what browsers have, and Chromium.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { buildSync, type Metafile } from 'esbuild';

export const CHROMIUM = '/usr/bin/chromium';

/** Packages that connectors load when they are used. */
export const OPTIONAL_PEERS = Object.keys(
  (JSON.parse(readFileSync('package.json', 'utf8')) as { peerDependencies: object }).peerDependencies,
);

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A script whose exports are those of `entry`, as the global `page`. */
export function bundled(entry: string): { code: string; metafile: Metafile } {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [at(entry)],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'page',
    target: 'es2022',
    external: ['node:*', ...OPTIONAL_PEERS.flatMap((name) => [name, `${name}/*`])],
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

/** What `page.<call>` comes to where there is nothing of Node. */
export function inBareContext(code: string, call: string): Promise<string> {
  const context = createContext(browserGlobals());
  runInContext(code, context);
  const node = runInContext('typeof process + typeof require + typeof Buffer', context);
  if (node !== 'undefined'.repeat(3)) throw new Error(`expected nothing of Node, got ${node}`);
  return runInContext(`page.${call}`, context) as Promise<string>;
}

/** What `page.<call>` comes to in headless Chromium. */
export function inChromium(code: string, call: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'chunkwise-'));
  try {
    const page = join(directory, 'page.html');
    const script = `${code.replaceAll('</script', '<\\/script')}
    page.${call}.then((found) => { document.title = found; }, (error) => { document.title = String(error); });`;
    writeFileSync(page, `<!doctype html><meta charset="utf-8"><script>${script}</script>`);
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--virtual-time-budget=20000',
      '--dump-dom',
    ];
    const dom = execFileSync(CHROMIUM, [...flags, pathToFileURL(page).href], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 60_000,
      maxBuffer: 2 ** 28,
    });
    // The script's text may hold titles of its own; the page's is set behind it.
    return [...dom.matchAll(/<title>(.*?)<\/title>/g)].at(-1)?.[1] ?? 'no title';
  } finally {
    rmSync(directory, { recursive: true });
  }
}
