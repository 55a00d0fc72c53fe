/**
 * Loads the flow that a command names: a module that exports a dataflow, or a flow file.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Dataflow } from '../dataflow.js';
import type { FlowFile } from '../flow-file/index.js';
import { UsageError } from './usage-error.js';

/** A flow from a module says nothing of how it is run. */
export async function loadFlow(path: string): Promise<FlowFile> {
  if (/\.(ya?ml|json)$/.test(path)) return loadFlowFile(path);
  return { flow: await loadModule(path), limits: {}, masked: (error) => error };
}

async function loadFlowFile(path: string): Promise<FlowFile> {
  const { flowFromText } = await import('../flow-file/index.js');
  const readFile = (file: string) => readFileSync(file, 'utf8');
  return flowFromText(path, readText(path), { environment: process.env, readFile });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UsageError(`${path}, expected a flow file, got no such file`);
  }
}

async function loadModule(path: string): Promise<Dataflow> {
  const url = pathToFileURL(resolve(path)).href;
  const module = /\.[cm]?tsx?$/.test(path) ? await importTypeScript(url) : await importModule(path, url);
  const { default: first } = module as { default?: { default?: unknown } };
  // Where TypeScript is loaded as CommonJS, the module is the default export of its wrapper.
  const exported = first?.default ?? first;
  const flow = await (typeof exported === 'function' ? exported() : exported);
  if (typeof flow?.start !== 'function') {
    throw new UsageError(`${path}, expected a dataflow as default export, got ${typeof flow}`);
  }
  return flow as Dataflow;
}

async function importModule(path: string, url: string): Promise<unknown> {
  try {
    return await import(url);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' && String(error).includes(path)) {
      throw new UsageError(`${path}, expected a module, got no such file`);
    }
    throw error;
  }
}

async function importTypeScript(url: string): Promise<unknown> {
  const tsx = await import('tsx/esm/api').catch(() => {
    throw new UsageError('TypeScript flows need the package tsx: npm install tsx');
  });
  return tsx.tsImport(url, import.meta.url);
}
