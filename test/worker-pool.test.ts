import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { attentionKernels } from '../src/kernels/attention.js';
import { openArena } from '../src/kernels/kernel.js';

const LENGTH = 1000;

/** An arena with numbers 1, 2, … in it, in as many threads as asked. */
function numbersIn(threads: number) {
  const arena = openArena(attentionKernels, 4 * LENGTH, 'wasm', threads);
  const x = new Float32Array(arena.buffer, arena.base, LENGTH).map((_, i) => i + 1);
  const inArena = new Float32Array(arena.buffer, arena.base, LENGTH);
  inArena.set(x);
  return { arena, x: inArena };
}

describe('kernels in several threads', () => {
  it('run each list of arguments and give the results in their order', () => {
    for (const threads of [1, 2, 4]) {
      const { arena, x } = numbersIn(threads);
      const limits = [10, 500, 999, 2000].slice(0, threads);
      const lists = limits.map((most) => [x, LENGTH, most] as const);
      for (let i = 0; i < 50; i++) {
        const expected = limits.map((most) => (most < LENGTH ? most : -1));
        expect(arena.together('firstAbove', lists)).toEqual(expected);
      }
    }
  });

  it('see what was written before the call, and are seen behind it', () => {
    const { arena, x } = numbersIn(2);
    for (let at = 0; at < LENGTH; at += 7) {
      x[at] = Number.NaN;
      const found = arena.together('firstNonFinite', [
        [x, LENGTH],
        [x, LENGTH],
      ]);
      expect(found).toEqual([at, at]);
      x[at] = 0;
    }
  });

  it('serve arenas side by side, one after the other', () => {
    const arenas = Array.from({ length: 20 }, (_, i) => {
      const one = numbersIn(2);
      one.x[i] = Number.POSITIVE_INFINITY;
      return one;
    });
    for (const [i, { arena, x }] of arenas.entries()) {
      const lists = [
        [x, LENGTH],
        [x, LENGTH],
      ] as const;
      expect(arena.together('firstNonFinite', lists)).toEqual([i, i]);
    }
  });

  it('do not keep a process from ending', () => {
    const script = `
      import { attentionKernels } from './src/kernels/attention.ts';
      import { openArena } from './src/kernels/kernel.ts';
      const { buffer, base, together } = openArena(attentionKernels, 64, 'wasm', 3);
      const x = new Float32Array(buffer, base, 16).fill(1);
      console.log(together('firstAbove', [[x, 16, 0], [x, 16, 1], [x, 16, 2]]).join());
    `;
    const settings = { cwd: fileURLToPath(new URL('..', import.meta.url)), timeout: 30_000 };
    const command = ['--import', 'tsx', '--input-type=module', '-e', script];
    expect(execFileSync(process.execPath, command, settings).toString().trim()).toBe('0,-1,-1');
  });
});
