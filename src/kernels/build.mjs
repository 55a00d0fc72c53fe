/**
 * Builds every C file beside this one to WebAssembly: `wasm/<name>.ts` holds the module as base64 text.
 *
 * The compiler is clang, itself built to WebAssembly: a fresh clone needs npm packages and nothing else. It is only
 * loaded when a source is newer than what was made from it.
 */
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

/** Kernels that threads share are built a second time, for shared memory: `wasm/<name>-shared.ts`. */
const SHARED = ['attention'];
const SHARED_FLAGS = [
  '-matomics',
  '-mbulk-memory',
  '-Wl,--shared-memory',
  `-Wl,--max-memory=${2 ** 32}`,
  '-Wl,--export=__stack_pointer',
];

const files = readdirSync(SOURCES).filter((file) => /\.[ch]$/.test(file));
const sources = files.filter((file) => file.endsWith('.c')).map((file) => basename(file, '.c'));
/** What is built: its name, its source, and flags of its own. */
const targets = [
  ...sources.map((source) => ({ name: source, source, flags: [] })),
  ...SHARED.map((source) => ({ name: `${source}-shared`, source, flags: SHARED_FLAGS })),
];
const output = (name) => join(OUTPUTS, `${name}.ts`);

function upToDate() {
  const newestInput = Math.max(...[...files, 'build.mjs'].map((file) => modifiedMs(join(SOURCES, file))));
  return targets.every(({ name }) => modifiedMs(output(name)) > newestInput);
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function compile(runClang, { source, flags }, texts) {
  const said = [];
  const decoder = new TextDecoder();
  const options = {
    stdout: null,
    stderr: (bytes) => bytes && said.push(decoder.decode(bytes, { stream: true })),
  };
  try {
    const built = await runClang(
      ['clang', ...FLAGS, ...flags, `${source}.c`, '-o', `${source}.wasm`],
      { ...texts },
      options,
    );
    return built[`${source}.wasm`];
  } catch (thrown) {
    const firstError = said
      .join('')
      .split('\n')
      .find((line) => line.includes('error:'));
    throw new Error(`src/kernels: ${firstError ?? `${source}.c: ${thrown.message}`}`);
  }
}

async function build() {
  const { runClang } = await import('@yowasp/clang');
  await runClang(null, {}, { fetchProgress: () => {} }); // loads the compiler, without its progress lines
  const texts = Object.fromEntries(files.map((file) => [file, readFileSync(join(SOURCES, file), 'utf8')]));
  mkdirSync(OUTPUTS, { recursive: true });
  for (const target of targets) {
    const { name, source } = target;
    const wasm = await compile(runClang, target, texts);
    const text = Buffer.from(wasm).toString('base64');
    writeFileSync(
      output(name),
      `// Built from ../${source}.c by ../build.mjs.\nexport const wasm =\n  '${text}';\n`,
    );
    console.log(`src/kernels/wasm/${name}.ts: ${wasm.length} bytes of WebAssembly`);
  }
}

if (!upToDate()) {
  try {
    await build();
  } catch (thrown) {
    console.error(thrown.message);
    process.exitCode = 1;
  }
}
