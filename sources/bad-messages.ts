/**
 * What becomes of messages that are no rows: option `badRows`.
 */
import { corruptInput } from '../src/errors.js';
import type { Sink } from '../src/sink.js';
import type { Position, Sourced } from '../src/source.js';
import type { Flaw } from './columns-from-rows.js';
import { positionFields } from './position.js';
import { RejectLog } from './reject-log.js';

export class BadMessages {
  readonly #who: string;
  readonly #log: RejectLog | undefined;
  readonly #isFatal: boolean;
  #count = 0;

  private constructor(who: string, isFatal: boolean, log: RejectLog | undefined) {
    this.#who = who;
    this.#isFatal = isFatal;
    this.#log = log;
  }

  /** `origin` is what rejects are told by. */
  static async open(
    who: string,
    origin: string,
    badRows: 'fail' | 'skip' | Sink,
    from: Position | undefined,
    signal: AbortSignal,
  ): Promise<BadMessages> {
    if (typeof badRows === 'string') return new BadMessages(who, badRows === 'fail', undefined);
    const resume = from === undefined ? undefined : positionFields(from)?.rejects;
    return new BadMessages(who, false, await RejectLog.open(origin, badRows, resume, signal));
  }

  add(number: number, payload: Uint8Array, flaw: Flaw): void {
    const { column, reason } = flaw;
    if (this.#isFatal) {
      const what = `message ${number}${column === null ? '' : `, column '${column}'`}`;
      const at = { line: number, ...(column !== null && { column }) };
      throw corruptInput(
        this.#who,
        what,
        "a row that fits (or option badRows: 'skip' or a sink)",
        reason,
        at,
      );
    }
    this.#count++;
    this.#log?.add({ line: number, column, reason, text: new TextDecoder().decode(payload) });
  }

  /** Writes what waits, where there is much of it. */
  async relieve(mostRows: number): Promise<void> {
    if (this.#log !== undefined && this.#log.pending >= mostRows) await this.#log.write();
  }

  /** Where the rejects end: a part of the position. */
  async position(): Promise<{ readonly rejects?: Position }> {
    return this.#log === undefined ? {} : { rejects: await this.#log.position() };
  }

  /** Bad messages since this was last asked. */
  counts(): Pick<Sourced, 'skipped' | 'rejected'> {
    const count = this.#count;
    this.#count = 0;
    if (count === 0) return {};
    return this.#log === undefined ? { skipped: count } : { rejected: count };
  }

  async close(isDone: boolean): Promise<void> {
    if (isDone) await this.#log?.finish();
    else await this.#log?.abandon();
  }
}
