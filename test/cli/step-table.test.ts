import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { showProgress } from '../../src/cli/progress-bar.js';
import { stepTable } from '../../src/cli/step-table.js';
import type { ProgressState, StepProgress } from '../../src/progress.js';

const step = (id: string, rowsIn: number, seconds: number, inFlight = 0): StepProgress => ({
  id,
  rowsIn,
  rowsOut: rowsIn / 2,
  batchesIn: 10,
  batchesOut: 10,
  seconds,
  inFlight,
  stateBytes: 4096,
});
const state = (seconds: number, rows: number, more: Partial<ProgressState> = {}): ProgressState => ({
  flow: 'flow',
  rows,
  batches: 10,
  bytesIn: 0,
  bytesOut: 0,
  skipped: 0,
  rejected: 0,
  seconds,
  inFlight: 0,
  steps: [step('clean', rows, seconds / 10), step('memory', rows / 2, seconds / 2, 2)],
  ...more,
});
const report = { ...state(2, 3000), resumedAt: null, complete: true, guarantee: null };

/** What a stream that may be a terminal was sent. */
function terminal(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40 });
  let written = '';
  stream.on('data', (data: Buffer) => {
    written += data.toString();
  });
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => written };
}

describe('the table of steps', () => {
  it('has a line a step, aligned, with rates and shares since the state before', () => {
    expect(stepTable(state(3, 4000), state(1, 2000))).toEqual([
      'step     rows in   rows out   rows/s   busy   in flight     state',
      'clean     4.00 k     2.00 k   1.00 k   10 %           0   4.10 kB',
      'memory    2.00 k     1.00 k      500   50 %           2   4.10 kB',
    ]);
  });

  it('tells below what is known of lag, of bad rows and of the checkpoint', () => {
    const known = { latencySeconds: 0.0123, lagMs: 90, behind: 1500, checkpointAgeSeconds: 400, skipped: 3 };
    expect(stepTable(state(1, 1, { ...known, steps: [] }), undefined)).toEqual([
      'latency 12.3 ms, lag 90.0 ms, 1.50 k rows behind, checkpoint 7 min ago, 3 rows skipped',
    ]);
  });
});

describe('progress on a terminal', () => {
  it('shows totals and steps, and leaves one line behind', async () => {
    const { stream, written } = terminal(true);
    const shown = showProgress({}, stream);
    for (const listener of shown.listeners) listener(state(1, 1000));
    await expect.poll(written).toMatch(/memory .*50 %/);
    shown.done(report);
    expect(written().split('\n').at(-2)).toMatch(/3\.00 k rows in 10 batches, .*1\.50 k rows\/s, 2\.0 s$/);
  });

  it.each([
    ['no terminal', false, {}],
    ['--quiet', true, { quiet: true }],
    ['--json', true, { json: true }],
  ])('is neither shown nor measured with %s', (_, isTTY, options) => {
    const { stream, written } = terminal(isTTY);
    const shown = showProgress(options, stream);
    expect(shown.listeners).toEqual([]);
    shown.done(report);
    expect(written()).toBe('json' in options ? `${JSON.stringify(report)}\n` : '');
  });
});
