/**
 * Builds every C file beside this one to WebAssembly: `wasm/<name>.ts` holds the module as base64 text.
 *
 * The compiler is clang, itself built to WebAssembly: a fresh clone needs npm packages and nothing else. It is only
 * loaded when a source is newer than what was made from it. Meanwhile `native/build.mjs` does the same for this machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const SOURCES = import.meta.dirname;
const OUTPUTS = join(SOURCES, 'wasm');
const STACK_BYTES = 16384;

/** No fused multiply-add, no libc, no calls of the compiler's own: the bits depend on the source alone. */
const FLAGS = [
  '--target=wasm32',
  '-std=c11',
  '-O3',
  '-msimd128',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-builtin',
  '-ffreestanding',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--import-memory',
  '-Wl,--export-dynamic',
  '-Wl,--export=__heap_base',
  '-Wl,--stack-first',
  `-Wl,-z,stack-size=${STACK_BYTES}`,
];

const files = readdirSync(SOURCES).filter((file) => /\.[ch]$/.test(file));
const names = files.filter((file) => file.endsWith('.c')).map((file) => basename(file, '.c'));
const output = (name) => join(OUTPUTS, `${name}.ts`);

function upToDate() {
  const newestInput = Math.max(...[...files, 'build.mjs'].map((file) => modifiedMs(join(SOURCES, file))));
  return names.every((name) => modifiedMs(output(name)) > newestInput);
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function compile(runClang, name, sources) {
  const said = [];
  const decoder = new TextDecoder();
  const options = {
    stdout: null,
    stderr: (bytes) => bytes && said.push(decoder.decode(bytes, { stream: true })),
  };
  try {
    const built = await runClang(
      ['clang', ...FLAGS, `${name}.c`, '-o', `${name}.wasm`],
      { ...sources },
      options,
    );
    return built[`${name}.wasm`];
  } catch (thrown) {
    const firstError = said
      .join('')
      .split('\n')
      .find((line) => line.includes('error:'));
    throw new Error(`src/kernels: ${firstError ?? `${name}.c: ${thrown.message}`}`);
  }
}

async function build() {
  const { runClang } = await import('@yowasp/clang');
  await runClang(null, {}, { fetchProgress: () => {} }); // loads the compiler, without its progress lines
  const sources = Object.fromEntries(files.map((file) => [file, readFileSync(join(SOURCES, file), 'utf8')]));
  mkdirSync(OUTPUTS, { recursive: true });
  for (const name of names) {
    const wasm = await compile(runClang, name, sources);
    const text = Buffer.from(wasm).toString('base64');
    writeFileSync(
      output(name),
      `// Built from ../${name}.c by ../build.mjs.\nexport const wasm =\n  '${text}';\n`,
    );
    console.log(`src/kernels/wasm/${name}.ts: ${wasm.length} bytes of WebAssembly`);
  }
}

const native = once(
  spawn(process.execPath, [join(SOURCES, 'native', 'build.mjs')], { stdio: 'inherit' }),
  'close',
);
if (!upToDate()) {
  try {
    await build();
  } catch (thrown) {
    console.error(thrown.message);
    process.exitCode = 1;
  }
}
await native;
