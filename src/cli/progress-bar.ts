/**
 * What a running flow shows on a terminal: a bar where the end is known, a line of counts where it is not.
 */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { ProgressState } from '../progress.js';
import type { Report } from '../run-options.js';
import { bytes, count } from './format.js';

export interface Shown {
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const counts = ({
  rows,
  batches,
  bytesIn,
  bytesOut,
  seconds,
}: Pick<ProgressState, 'rows' | 'batches' | 'bytesIn' | 'bytesOut' | 'seconds'>): string => {
  const rate = seconds > 0 ? `, ${count(rows / seconds)} rows/s` : '';
  return `${count(rows)} rows in ${batches} batches, ${bytes(bytesIn)} in, ${bytes(bytesOut)} out${rate}`;
};

/** A listener for `onProgress`, and what to call with the report. The bar is there only on a terminal. */
export function showProgress({ quiet = false, json = false }: Shown): {
  readonly onProgress: (progress: ProgressState) => void;
  readonly done: (report: Report) => void;
  readonly stop: () => void;
} {
  const isShown = process.stderr.isTTY === true && !quiet && !json;
  const bars = isShown
    ? new MultiBar({ stream: process.stderr, clearOnComplete: true, hideCursor: true })
    : undefined;
  let bar: SingleBar | undefined;
  return {
    onProgress(progress) {
      const { fraction } = progress;
      const format =
        fraction === undefined ? ' {counts}' : ' {bar} {percentage}% | {eta_formatted} left | {counts}';
      bar ??= bars?.create(1000, 0, { counts: '' }, { format });
      bar?.update(Math.round((fraction ?? 0) * 1000), { counts: counts(progress) });
    },
    done(report) {
      bars?.stop();
      if (json) process.stderr.write(`${JSON.stringify(report)}\n`);
      else if (isShown) process.stderr.write(`${counts(report)}, ${report.seconds.toFixed(1)} s\n`);
    },
    stop: () => bars?.stop(),
  };
}
