/**
 * What becomes of rows that cannot be read: option `badRows`.
 *
 * - `fail`: the first ends the run.
 * - `skip`: they are passed over and counted.
 * - a sink: they go there, as columns file, line, column, reason, text, and are counted. They are written before the batch
 *   of good rows that they were read with, and where they end is part of the source's position: a resumed run neither
 *   loses nor doubles one.
 */
import { optionRange } from '../src/errors.js';
import type { Sink } from '../src/sink.js';
import type { Position, Sourced } from '../src/source.js';
import { type Reject, RejectLog } from './reject-log.js';

export type BadRowsPolicy = 'fail' | 'skip' | Sink;

/** The option's value, checked; by default the first bad row ends the run. */
export function badRowsOption(badRows: unknown = 'fail'): BadRowsPolicy {
  const isSink = typeof (badRows as Partial<Sink> | null)?.open === 'function';
  if (badRows === 'fail' || badRows === 'skip' || isSink) return badRows as BadRowsPolicy;
  throw optionRange('', 'badRows', "'fail', 'skip' or a sink", badRows);
}

export class BadRows {
  readonly #isFatal: boolean;
  readonly #log: RejectLog | undefined;
  #count = 0;

  private constructor(isFatal: boolean, log: RejectLog | undefined) {
    this.#isFatal = isFatal;
    this.#log = log;
  }

  /** `origin` is the file or stream that rejects are told of; `resume` where they ended, from the source's position. */
  static async open(
    policy: BadRowsPolicy,
    origin: string,
    resume: Position | undefined,
    signal: AbortSignal,
  ): Promise<BadRows> {
    if (typeof policy === 'string') return new BadRows(policy === 'fail', undefined);
    return new BadRows(false, await RejectLog.open(origin, policy, resume, signal));
  }

  /** Takes a bad row; throws what `error` makes where it ends the run. */
  add(reject: () => Reject, error: () => Error): void {
    if (this.#isFatal) throw error();
    this.#count++;
    this.#log?.add(reject());
  }

  /** How many came since the counts were last asked for. */
  get uncounted(): number {
    return this.#count;
  }

  /** Bad rows since this was last asked, for the batch that they were read with. */
  counts(): Pick<Sourced, 'skipped' | 'rejected'> {
    const count = this.#count;
    this.#count = 0;
    if (count === 0) return {};
    return this.#log === undefined ? { skipped: count } : { rejected: count };
  }

  /** Writes what waits once there are `mostRows`, so that memory stays bounded where no row is good. */
  async relieve(mostRows: number): Promise<void> {
    if (this.#log !== undefined && this.#log.pending >= mostRows) await this.#log.write();
  }

  /** Where they end: a part of the source's position. */
  async position(): Promise<{ readonly rejects?: Position }> {
    return this.#log === undefined ? {} : { rejects: await this.#log.position() };
  }

  /** Makes the sink complete at the input's end; otherwise leaves what it has for a resume. */
  async close(isDone: boolean): Promise<void> {
    if (isDone) await this.#log?.finish();
    else await this.#log?.abandon();
  }
}
