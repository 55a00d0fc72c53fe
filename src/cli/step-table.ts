/**
 * The steps of a running flow as lines of a table, one a step.
 */
import type { ProgressState, StepProgress } from '../progress.js';
import { bytes, count } from './format.js';

const HEADS = ['step', 'rows in', 'rows out', 'rows/s', 'busy', 'in flight', 'state'];

/**
 * A line of heads, one for each step, and one for what is known of lag and checkpoint. Rates and shares of time are
 * those since `before`.
 */
export function stepTable(state: ProgressState, before: ProgressState | undefined): string[] {
  const seconds = state.seconds - (before?.seconds ?? 0);
  const rows = state.steps.map((step, i) => cellsOf(step, before?.steps[i], seconds));
  const all = [HEADS, ...rows];
  const widths = HEADS.map((_, c) => Math.max(...all.map((row) => row[c]!.length)));
  const lines = all.map((row) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('   '),
  );
  const known = whatIsKnown(state);
  return [...(rows.length > 0 ? lines : []), ...(known === '' ? [] : [known])];
}

function cellsOf(step: StepProgress, before: StepProgress | undefined, seconds: number): string[] {
  const share = (total: number, earlier: number) => (seconds > 0 ? (total - earlier) / seconds : 0);
  return [
    step.id,
    count(step.rowsIn),
    count(step.rowsOut),
    count(share(step.rowsIn, before?.rowsIn ?? 0)),
    `${Math.round(100 * share(step.seconds, before?.seconds ?? 0))} %`,
    String(step.inFlight),
    bytes(step.stateBytes),
  ];
}

function whatIsKnown({
  latencySeconds,
  lagMs,
  behind,
  checkpointAgeSeconds,
  skipped,
  rejected,
}: ProgressState) {
  const parts = [
    latencySeconds !== undefined && `latency ${time(latencySeconds)}`,
    lagMs !== undefined && `lag ${time(lagMs / 1000)}`,
    behind !== undefined && `${count(behind)} rows behind`,
    checkpointAgeSeconds !== undefined && `checkpoint ${time(checkpointAgeSeconds)} ago`,
    skipped > 0 && `${count(skipped)} rows skipped`,
    rejected > 0 && `${count(rejected)} rows rejected`,
  ];
  return parts.filter((part) => part !== false).join(', ');
}

/** 0.0123 → 12.3 ms */
function time(seconds: number): string {
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(1)} ms`;
  return seconds < 120 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(0)} min`;
}
