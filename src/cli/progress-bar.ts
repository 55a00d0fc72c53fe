/**
 * What a running flow shows on a terminal: a bar where the end is known, a line of counts where it is not, and a line for
 * each step below.
 */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { OnProgress, ProgressState } from '../progress.js';
import type { Report } from '../run-options.js';
import { bytes, count } from './format.js';
import { stepTable } from './step-table.js';

export interface Shown {
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export interface ProgressBar {
  /** For `onProgress`; none where nothing is shown, so that nothing is measured. */
  readonly listeners: readonly OnProgress[];
  done(report: Report): void;
  stop(): void;
}

type Totals = Pick<ProgressState, 'rows' | 'batches' | 'bytesIn' | 'bytesOut' | 'seconds'>;

const counts = ({ rows, batches, bytesIn, bytesOut, seconds }: Totals): string => {
  const rate = seconds > 0 ? `, ${count(rows / seconds)} rows/s` : '';
  return `${count(rows)} rows in ${batches} batches, ${bytes(bytesIn)} in, ${bytes(bytesOut)} out${rate}`;
};

/** A listener for `onProgress`, and what to call with the report. Nothing is shown but on a terminal. */
export function showProgress(
  { quiet = false, json = false }: Shown,
  stream: NodeJS.WriteStream = process.stderr,
): ProgressBar {
  const isShown = stream.isTTY === true && !quiet && !json;
  if (!isShown) {
    const done = (report: Report) => void (json && stream.write(`${JSON.stringify(report)}\n`));
    return { listeners: [], done, stop() {} };
  }
  const lines = new Lines(stream);
  return {
    listeners: [(progress) => lines.show(progress)],
    done(report) {
      lines.stop();
      stream.write(`${counts(report)}, ${report.seconds.toFixed(1)} s\n`);
    },
    stop: () => lines.stop(),
  };
}

/** Rates are those of so many milliseconds at least. */
const RATE_MS = 1000;

class Lines {
  readonly #bars: MultiBar;
  #bar: SingleBar | undefined;
  readonly #steps: SingleBar[] = [];
  /** What rates are measured from, and what comes in its place once it is old enough. */
  #before: ProgressState | undefined;
  #next: ProgressState | undefined;

  constructor(stream: NodeJS.WriteStream) {
    const options = { stream, clearOnComplete: true, hideCursor: true, forceRedraw: true };
    this.#bars = new MultiBar(options);
  }

  show(progress: ProgressState): void {
    const { fraction } = progress;
    const format =
      fraction === undefined ? ' {counts}' : ' {bar} {percentage}% | {eta_formatted} left | {counts}';
    this.#bar ??= this.#bars.create(1000, 0, { counts: '' }, { format });
    this.#bar.update(Math.round((fraction ?? 0) * 1000), { counts: counts(progress) });
    for (const [i, line] of stepTable(progress, this.#before).entries()) {
      this.#steps[i] ??= this.#bars.create(1, 0, { line: '' }, { format: ' {line}' });
      this.#steps[i].update(0, { line });
    }
    this.#age(progress);
  }

  stop(): void {
    this.#bars.stop();
  }

  #age(progress: ProgressState): void {
    this.#next ??= progress;
    if ((progress.seconds - this.#next.seconds) * 1000 < RATE_MS) return;
    this.#before = this.#next;
    this.#next = progress;
  }
}
