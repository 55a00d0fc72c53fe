/**
 * Builds of the native kernels, the best first, and which of them this machine can run.
 */
import { readFileSync } from 'node:fs';

/** `lanes`: floats in a vector. `needs`: features as the operating system names them. */
export const VARIANTS = [
  {
    name: 'x64-avx512',
    arch: 'x64',
    lanes: 16,
    needs: ['avx512f', 'avx512dq', 'avx512vl'],
    flags: ['-mavx512f', '-mavx512dq', '-mavx512vl', '-mprefer-vector-width=512'],
  },
  { name: 'x64-avx2', arch: 'x64', lanes: 8, needs: ['avx2'], flags: ['-mavx2'] },
  { name: 'x64', arch: 'x64', lanes: 4, needs: [], flags: [] },
  { name: 'arm64', arch: 'arm64', lanes: 4, needs: [], flags: [] },
];

let features;

/** Whether this processor has what a build needs; what cannot be read is not there. */
export function canRun({ arch, needs }) {
  features ??= processorFeatures();
  return arch === process.arch && process.platform !== 'win32' && needs.every((need) => features.has(need));
}

function processorFeatures() {
  try {
    return new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].trim().split(/\s+/));
  } catch {
    return new Set();
  }
}
