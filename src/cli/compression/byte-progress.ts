/**
 * How far a file is: a bar where its size is known, a line of counts where it is not; nothing where nobody looks.
 */
import { type Options, SingleBar } from 'cli-progress';
import { bytes } from '../format.js';
import type { Shown } from '../progress-bar.js';

/** Bytes of input that are done, and of output that they came to. */
export interface Done {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface ByteProgress {
  update(done: Done): void;
  stop(): void;
}

const STEPS = 1000;

/** `ratio` says in words what the bytes so far come to. */
export function showByteProgress(
  name: string,
  size: number | undefined,
  { quiet = false, json = false }: Shown,
  ratio: (done: Done) => string,
): ByteProgress {
  if (process.stderr.isTTY !== true || quiet || json) return { update() {}, stop() {} };
  const format =
    size === undefined
      ? ` ${name} | {counts}`
      : ` ${name} {bar} {percentage}% | {eta_formatted} left | {counts}`;
  const look: Options = { format, stream: process.stderr, clearOnComplete: true, hideCursor: true };
  const bar = new SingleBar({ ...look, etaBuffer: 200 });
  const startedMs = performance.now();
  bar.start(STEPS, 0, { counts: '' });
  return {
    update(done) {
      const rate =
        (1000 * Math.max(done.bytesIn, done.bytesOut)) / Math.max(1, performance.now() - startedMs);
      const counts = `${bytes(done.bytesIn)} → ${bytes(done.bytesOut)}, ${ratio(done)}, ${bytes(rate)}/s`;
      bar.update(Math.round((STEPS * done.bytesIn) / (size || done.bytesIn || 1)), { counts });
    },
    stop: () => bar.stop(),
  };
}

/** `2.61 bits/byte so far`: what compression came to. */
export const bitsPerByte = (raw: number, coded: number): string =>
  `${raw === 0 ? '–' : ((8 * coded) / raw).toFixed(3)} bits/byte`;
