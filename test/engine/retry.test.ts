import { describe, expect, it, vi } from 'vitest';
import { columnMissing, sinkFailed } from '../../src/errors.js';
import { type RetryPolicy, retried, retryOptions } from '../../src/retry.js';
import { rejection, thrown } from './helpers.js';

const quick: RetryPolicy = { retries: 4, firstDelayMs: 1, maxDelayMs: 2 };
const never = new AbortController().signal;

/** Work that fails so many times before it succeeds. */
function failing(times: number, error: unknown = new Error('reset by peer')) {
  const attempts: number[] = [];
  return {
    attempts,
    work: async (attempt: number) => {
      attempts.push(attempt);
      if (attempts.length <= times) throw error;
      return 'done';
    },
  };
}

describe('work that is tried again', () => {
  it('is done as often as it takes', async () => {
    const { attempts, work } = failing(3);
    expect(await retried('it', quick, work, never)).toBe('done');
    expect(attempts).toEqual([0, 1, 2, 3]);
  });

  it('is given up with the last error behind the last retry', async () => {
    const error = sinkFailed('it', 'writing', 'room', 'none');
    const { attempts, work } = failing(9, error);
    expect(await rejection(retried('it', quick, work, never))).toBe(error);
    expect(attempts.length).toBe(5);
  });

  it('is not tried again where the next attempt must fail as well', async () => {
    const { attempts, work } = failing(9, columnMissing('it', 'x', 'x', []));
    await rejection(retried('it', quick, work, never));
    expect(attempts.length).toBe(1);
  });

  it('is judged by who knows better', async () => {
    const { attempts, work } = failing(9);
    await rejection(retried('it', quick, work, never, () => attempts.length < 3));
    expect(attempts.length).toBe(3);
  });

  it('waits at least as long as a judge says', async () => {
    const { work } = failing(1);
    const beganMs = performance.now();
    await retried('it', { ...quick, firstDelayMs: 1 }, work, never, () => 30);
    expect(performance.now() - beganMs).toBeGreaterThan(28);
  });

  it('waits for random times below a bound that doubles up to the greatest', async () => {
    const delays: number[] = [];
    const later = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((done: () => void, ms: number) => {
      delays.push(ms);
      queueMicrotask(done);
    }) as never);
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const { work } = failing(5);
    await retried('it', { retries: 5, firstDelayMs: 100, maxDelayMs: 500 }, work, never);
    later.mockRestore();
    random.mockRestore();
    expect(delays).toEqual([50, 100, 200, 250, 250]);
  });

  it('ends with the reason of an abort at once, also while it waits', async () => {
    const controller = new AbortController();
    const why = new Error('the user has left');
    const { attempts, work } = failing(9);
    const slow = { retries: 9, firstDelayMs: 3_600_000, maxDelayMs: 3_600_000 };
    const run = retried('it', slow, work, controller.signal);
    setTimeout(() => controller.abort(why), 5);
    expect(await rejection(run)).toBe(why);
    expect(await rejection(retried('it', slow, work, controller.signal))).toBe(why);
    expect(attempts).toEqual([0]);
  });
});

describe('a policy', () => {
  it('has defaults and is checked, and the message says whose it was', () => {
    expect(retryOptions('it')).toEqual({ retries: 5, firstDelayMs: 100, maxDelayMs: 10_000 });
    expect(thrown(() => retryOptions('it', { retries: -1 })).message).toBe(
      'it: option retries, expected an integer in 0 … 1000000, got -1.',
    );
    expect(thrown(() => retryOptions('it', { tries: 1 } as never)).code).toBe('OPTION_RANGE');
  });
});
