/**
 * The files that the page is made of: itself, its scripts, and uPlot, which draws the charts.
 */
import { page, styles } from './page.js';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

const SCRIPT = 'text/javascript; charset=utf-8';

/** Scripts by their path, which is that of their file below `src/`. */
const SCRIPTS = [
  '/dashboard/client/main.js',
  '/dashboard/client/charts.js',
  '/dashboard/client/flow-strip.js',
  '/dashboard/client/rates.js',
  '/dashboard/client/samples.js',
  '/cli/format.js',
];

/** What there is at a path; undefined where there is nothing. */
export async function assetAt(path: string): Promise<Asset | undefined> {
  if (path === '/') return { type: 'text/html; charset=utf-8', body: page };
  if (path === '/styles.css') return { type: 'text/css; charset=utf-8', body: styles };
  if (path === '/uplot.js') return { type: SCRIPT, body: await ofPackage('uplot/dist/uPlot.esm.js') };
  if (path === '/uplot.css') return { type: 'text/css', body: await ofPackage('uplot/dist/uPlot.min.css') };
  return SCRIPTS.includes(path) ? { type: SCRIPT, body: await script(path) } : undefined;
}

async function ofPackage(name: string): Promise<string> {
  const { createRequire } = await import('node:module');
  const { readFile } = await import('node:fs/promises');
  return readFile(createRequire(import.meta.url).resolve(name), 'utf8');
}

/** A script as it was built; run from its source, as that source without its types. */
async function script(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const file = new URL(`..${path}`, import.meta.url);
  const isBuilt = import.meta.url.endsWith('.js');
  return (isBuilt ? await readFile(file, 'utf8') : await withoutTypes(file)).replaceAll(
    /from ['"]uplot['"]/g,
    "from '/uplot.js'",
  );
}

async function withoutTypes(file: URL): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  // Named by a variable, so that nobody who bundles this package takes the compiler along.
  const compiler = 'typescript';
  const { ModuleKind, ScriptTarget, transpileModule } = (await import(
    compiler
  )) as typeof import('typescript');
  const source = await readFile(new URL(file.href.replace(/\.js$/, '.ts')), 'utf8');
  const compilerOptions = {
    module: ModuleKind.ESNext,
    target: ScriptTarget.ES2022,
    verbatimModuleSyntax: true,
  };
  return transpileModule(source, { compilerOptions }).outputText;
}
