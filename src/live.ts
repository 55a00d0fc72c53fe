/**
 * A dataflow that runs in the background.
 */
import type { RecordBatch } from 'apache-arrow';
import { type Observable, Subject } from 'rxjs';
import type { Flow } from './flow.js';
import { Run } from './run.js';
import type { Report, RunOptions } from './run-options.js';

export interface Live {
  /** Every batch once the sink has it. Watching does not slow the flow down: a slow watcher must sample. */
  readonly batches$: Observable<RecordBatch>;
  /** Settles when the flow ends: with its report, or with the error that ended it. */
  readonly done: Promise<Report>;
  /**
   * Takes a checkpoint between two batches and resolves once it is kept. Rejects where there is no store
   * (OPTION_RANGE), and with the error of a run that fails before.
   */
  checkpoint(): Promise<void>;
  /** Ends the flow at the next border of batches. With checkpoints it can be resumed; without, its output is finished. */
  stop(): Promise<Report>;
}

export function startLive(flow: Flow, options: RunOptions): Live {
  const batches = new Subject<RecordBatch>();
  const run = new Run(flow, options, (batch) => batches.next(batch));
  const done = Promise.resolve().then(() => run.drive());
  done.then(
    () => batches.complete(),
    (error: unknown) => batches.error(error),
  );
  return {
    batches$: batches.asObservable(),
    done,
    checkpoint: () => run.checkpoint(),
    stop() {
      run.stop();
      return done;
    },
  };
}
