import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openArena } from '../../src/kernels/kernel.js';
import { mathKernels } from '../../src/kernels/math.js';
import { nativeAddon } from '../../src/kernels/native-arena.js';
import { scalarDecayKernels } from '../../src/kernels/scalar-decay.js';

const directory = mkdtempSync(join(tmpdir(), 'chunkwise-native-'));
afterAll(() => rmSync(directory, { recursive: true }));

const hasCompiler = ['cc', 'gcc', 'clang'].some((name) => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

describe('the native kernels', () => {
  it.runIf(hasCompiler)('are built and used where there is a compiler', () => {
    expect(nativeAddon()?.name).toContain(process.arch);
    expect(openArena(mathKernels, 4096).backend).toBe(process.env.CHUNKWISE_KERNELS ?? 'native');
  });

  it('are not missed without a compiler: one line says so, and nothing fails', () => {
    const [sources, copy] = ['src/kernels', join(directory, 'src', 'kernels')];
    cpSync(sources, copy, { recursive: true, filter: (path) => !/\.node$|\/wasm\//.test(path) });
    const said = execFileSync(process.execPath, [join(copy, 'native', 'build.mjs')], {
      encoding: 'utf8',
      env: { PATH: '/nowhere' },
    });
    expect(said).toBe('native kernels are not built, WebAssembly is used instead: no C compiler\n');
    expect(readdirSync(join(copy, 'native')).filter((name) => name.endsWith('.node'))).toEqual([]);
  });

  it('stay out of the package, which has to run anywhere', () => {
    const [{ files }] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' }),
    );
    const paths = files.map(({ path }: { path: string }) => path);
    expect(paths).toContain('dist/src/kernels/native-arena.js');
    expect(paths.filter((path: string) => path.endsWith('.node'))).toEqual([]);
    expect(existsSync('dist/src/kernels/native')).toBe(nativeAddon() !== undefined);
  });
});

describe.runIf(nativeAddon())('a native arena', () => {
  it('begins at a multiple of 64 bytes, zeroed, with room for what was asked', () => {
    for (const bytes of [1, 64, 1000, 1 << 20]) {
      const { buffer, base } = openArena(scalarDecayKernels, bytes, 'native');
      expect((nativeAddon()!.addon.offset(new Uint8Array(buffer)) + base) % 64).toBe(0);
      expect(base).toBeGreaterThanOrEqual(64);
      expect(buffer.byteLength - base).toBeGreaterThanOrEqual(bytes);
      expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('answers what its kernels answer, and tells arenas apart', () => {
    const [one, other] = [0, 1].map(() => openArena(mathKernels, 4096, 'native'));
    const view = (arena: typeof one) => new Float32Array(arena!.buffer, arena!.base, 100);
    view(one).fill(1);
    view(other).fill(1);
    view(other)[37] = Number.NaN;
    expect(one!.kernels.firstNonFinite(view(one), 100)).toBe(
      mathKernels.twins.firstNonFinite(view(one), 100),
    );
    expect(other!.kernels.firstNonFinite(view(other), 100)).toBe(37);
  });

  it('refuses what is no set or no array', () => {
    const { addon } = nativeAddon()!;
    const mailbox = new Float64Array(61);
    expect(() => addon.bind('nothing', new Uint8Array(64), mailbox)).toThrow('no such set');
    expect(() => addon.bind('math', [] as unknown as Uint8Array, mailbox)).toThrow('must be typed arrays');
  });
});
