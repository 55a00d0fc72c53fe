/**
 * Work that is tried again: what a network loses, the next attempt may bring.
 *
 * Between two attempts it waits for a random time below a bound that doubles ("full jitter"), so that many who were cut
 * off together do not come back together.
 */
import { DataflowError, type ErrorCode } from './errors.js';
import { checked, finiteNumber, integer } from './options.js';
import { pause } from './pause.js';

export interface RetryPolicy {
  /** Attempts behind the first, 0 … 1,000,000 (default 5). */
  readonly retries?: number;
  /** The most milliseconds before the second attempt, 1 … 3,600,000 (default 100). The bound doubles with each. */
  readonly firstDelayMs?: number;
  /** The most milliseconds before any attempt, 1 … 3,600,000 (default 10,000). */
  readonly maxDelayMs?: number;
}

/** Looks at a failed attempt: true to try again, false to give up, or the least milliseconds to wait before the next. */
export type Judge = (error: unknown) => boolean | number;

const MOST_DELAY_MS = 3_600_000;
/** Errors of ours that a second attempt may not meet again. */
const PASSING: readonly ErrorCode[] = ['SOURCE_FAILED', 'SINK_FAILED'];

/** The policy with its defaults. Throws OPTION_RANGE, told by `who`. */
export const retryOptions = (who: string, policy: RetryPolicy = {}): Required<RetryPolicy> =>
  checked(who, policy, [], () => ({
    retries: integer({ retries: policy.retries ?? 5 }, 0, 1_000_000),
    firstDelayMs: finiteNumber({ firstDelayMs: policy.firstDelayMs ?? 100 }, 1, MOST_DELAY_MS),
    maxDelayMs: finiteNumber({ maxDelayMs: policy.maxDelayMs ?? 10_000 }, 1, MOST_DELAY_MS),
  }));

/** What the world outside did may be over the next time; bad input, options and limits are not. */
const outsideWorld: Judge = (error) => !(error instanceof DataflowError) || PASSING.includes(error.code);

/**
 * What the work comes to, after as many attempts as it takes. Rejects with the last error once the policy's retries are
 * used up or `judge` gives up, and with the signal's reason as soon as it aborts, also while waiting.
 */
export async function retried<T>(
  who: string,
  policy: RetryPolicy,
  work: (attempt: number) => T | Promise<T>,
  signal: AbortSignal,
  judge: Judge = outsideWorld,
): Promise<T> {
  const { retries, firstDelayMs, maxDelayMs } = retryOptions(who, policy);
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      signal.throwIfAborted();
      const judged = attempt < retries && judge(error);
      if (judged === false) throw error;
      const bound = Math.min(maxDelayMs, firstDelayMs * 2 ** attempt);
      const leastMs = judged === true ? 0 : judged;
      await pause(leastMs + Math.random() * bound, signal);
    }
  }
}
