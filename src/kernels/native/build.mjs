/**
 * Builds the kernels as a Node-API addon, where this machine has a C compiler: the same C sources as the WebAssembly, with
 * wider vectors. Multiply and add stay two roundings (no contraction) and lanes never mix, so its bits are those of the
 * WebAssembly. Without a compiler it says so in one line and nothing fails.
 *
 *   node src/kernels/native/build.mjs           what this machine can run
 *   node src/kernels/native/build.mjs --all     every variant, for packages of prebuilt binaries
 */
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { canRun, VARIANTS } from './variants.mjs';

const HERE = import.meta.dirname;
const SOURCES = dirname(HERE);
const DIST = join(SOURCES, '..', '..', 'dist', 'src', 'kernels', 'native');
const run = promisify(execFile);

/** The order of a sum is part of the compressed format: these have four lanes everywhere. */
const FOUR_LANES = ['byte-model', 'table-model'];

const FLAGS = [
  '-std=gnu11',
  '-O3',
  '-fPIC',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-strict-aliasing',
  '-fvisibility=hidden',
  '-w',
];

const names = readdirSync(SOURCES)
  .filter((file) => file.endsWith('.c'))
  .map((file) => basename(file, '.c'));

const output = (variant) => join(HERE, `${variant}.node`);

function compilerOf() {
  for (const compiler of [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean)) {
    try {
      execFileSync(compiler, ['--version'], { stdio: 'ignore' });
      return compiler;
    } catch {}
  }
  throw new Error('no C compiler');
}

/** Node's own headers, beside the program or where node-gyp was told to find them. */
function headers() {
  const prefix = dirname(dirname(process.execPath));
  const places = [process.env.npm_config_nodedir, prefix]
    .filter(Boolean)
    .map((root) => join(root, 'include', 'node'));
  const found = places.find((place) => statSync(join(place, 'node_api.h'), { throwIfNoEntry: false }));
  if (found === undefined) throw new Error("no headers of Node's");
  return found;
}

/** C code that includes a kernel's source and can call each of its exports with numbers. */
async function glue(compiler, name, flags) {
  const source = join(SOURCES, `${name}.c`);
  const { stdout } = await run(compiler, [...flags, '-DEXPORT=EXPORTED', '-E', '-P', source], {
    maxBuffer: 1 << 26,
  });
  const exported = [...stdout.matchAll(/EXPORTED\s+(\w+)\s+(\w+)\s*\(([^)]*)\)/g)];
  const calls = exported.map(([, result, kernel, parameters]) => {
    const given = parameters.split(',').map((parameter, i) => argument(parameter.trim(), i));
    const call = `${kernel}(${given.join(', ')})`;
    const body = result === 'void' ? `${call}; return 0;` : `return ${call};`;
    return `static double call_${kernel}(char *arena, const double *a) { (void)arena; ${body} }`;
  });
  const entries = exported.map(([, , kernel]) => `{"${kernel}", call_${kernel}},`);
  const table = `const Kernel kernels_${name.replaceAll('-', '_')}[] = {${entries.join(' ')} {0, 0}};`;
  return [
    '#define EXPORT static',
    `#include "${source}"`,
    `#include "${join(HERE, 'kernels.h')}"`,
    ...calls,
    table,
  ].join('\n');
}

/** The argument of a parameter such as `const float *q` or `int T`, from the mailbox's number. */
function argument(parameter, i) {
  const at = `a[${i + 1}]`;
  if (!parameter.includes('*')) return `(${parameter.replace(/\s*\w+$/, '')})${at}`;
  return `(void *)(${at} == 0 ? 0 : arena + (uintptr_t)${at})`;
}

const tables = () => {
  const id = (name) => `kernels_${name.replaceAll('-', '_')}`;
  return [
    `#include "${join(HERE, 'kernels.h')}"`,
    ...names.map((name) => `extern const Kernel ${id(name)}[];`),
    `const KernelSet kernelSets[] = {${names.map((name) => `{"${name}", ${id(name)}},`).join(' ')} {0, 0}};`,
  ].join('\n');
};

async function buildVariant(compiler, include, { name: variant, lanes, flags, needs }) {
  const scratch = mkdtempSync(join(tmpdir(), 'kernels-'));
  const compile = async (file, text, more) => {
    if (text !== undefined) writeFileSync(join(scratch, `${file}.c`), text);
    const source = text === undefined ? join(HERE, `${file}.c`) : join(scratch, `${file}.c`);
    const object = join(scratch, `${file}.o`);
    await run(compiler, [...FLAGS, ...more, '-c', source, '-o', object]);
    return object;
  };
  try {
    const jobs = names.map((name) => async () => {
      const width = [...flags, `-DW=${FOUR_LANES.includes(name) ? 4 : lanes}`];
      return compile(`kernel-${name}`, await glue(compiler, name, [...FLAGS, ...width]), width);
    });
    jobs.push(() => compile('tables', tables(), []));
    const supported = ['1', ...needs.map((need) => `__builtin_cpu_supports("${need}")`)].join(' && ');
    jobs.push(() => compile('addon', undefined, [`-I${include}`, `-I${HERE}`, `-DSUPPORTED=(${supported})`]));
    const objects = await allOf(jobs, availableParallelism());
    const undefinedLater = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
    const built = join(scratch, 'addon.node');
    await run(compiler, ['-shared', ...undefinedLater, ...objects, '-lm', '-o', built]);
    copyFileSync(built, output(variant));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The results of jobs, of which `most` run at a time. */
async function allOf(jobs, most) {
  const results = [];
  let next = 0;
  const worker = async () => {
    for (let job = next++; job < jobs.length; job = next++) results[job] = await jobs[job]();
  };
  await Promise.all(Array.from({ length: most }, worker));
  return results;
}

const modifiedMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const inputs = [SOURCES, HERE].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => /\.([ch]|mjs)$/.test(file))
    .map((file) => join(folder, file)),
);
const newest = Math.max(...inputs.map(modifiedMs));
const wanted = process.argv.includes('--all') ? VARIANTS : [VARIANTS.find(canRun)].filter(Boolean);

try {
  for (const variant of wanted) {
    if (modifiedMs(output(variant.name)) <= newest) await buildVariant(compilerOf(), headers(), variant);
    mkdirSync(DIST, { recursive: true });
    copyFileSync(output(variant.name), join(DIST, `${variant.name}.node`));
  }
} catch (error) {
  const [line] = String(error.stderr || error.message)
    .trim()
    .split('\n');
  console.log(`native kernels are not built, WebAssembly is used instead: ${line}`);
}
