/**
 * A place in a running dataflow at which batches wait: in front of an asynchronous step, or of the sink. What stands
 * before it asks for more only while it has room.
 */
import type { Emit } from './operator.js';

export interface Stage {
  /** Source batches of which a part is still here. */
  readonly inFlight: number;
  /** The most source batches that may be here. */
  readonly credit: number;
  /** Takes what the steps before it emit; nothing of it goes on before `send`. */
  readonly take: Emit;
  /** Sends on what was made of the source batch of that number. */
  send(batch: number): void;
  /** Resolves once nothing is here any more, or once the run has failed. */
  drained(): Promise<void>;
}
