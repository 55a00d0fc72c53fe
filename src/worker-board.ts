/**
 * The board that a caller and its worker threads share: calls of one kernel that whoever is free takes, one after the
 * other. A round begins when calls are put up and ends when all of them are done; then the next may begin.
 *
 * One word has the round's number and how many calls are left, so that taking one is a single exchange, and a thread
 * that wakes up late takes nothing from a round it was not called to. `WORKER` is the threads' side of it.
 */

/** Int32 words at the front of the board; from `Threads` on each thread has a line of its own. */
enum Word {
  /** The round, times `ROUND`, and the calls that nobody has taken. */
  Open,
  Done,
  Calls,
  Arguments,
  Crew,
  Export,
  Failed,
  CallerSleeps,
  Told,
  Threads = 16,
}
/** A thread's line: the round it was called to, and whether it sleeps. */
const LINE_WORDS = 16;
const MOST_THREADS = 63;
const WORDS = Word.Threads + MOST_THREADS * LINE_WORDS;
const ROUND = 4096;
const MOST_NUMBERS = 16384;
const NUMBERS_AT = 4 * WORDS;
/**
 * How often a thread looks before it goes to sleep, about 10 ns each. Waking up can take a millisecond: a scheduler may
 * put the thread on the processor of the one that wakes it. Looking for longer than between rounds costs those who share
 * a processor.
 */
const LOOKS = 16_384;
const WAIT_LIMIT_MS = 300_000;

/** What a thread does, as text: given are `board`, `thread` and `callsOf`, which gives a crew's exports by number. */
export const WORKER = `
const [OPEN, DONE, CALLS, ARGUMENTS, CREW, EXPORT, FAILED, CALLER_SLEEPS, TOLD] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const words = new Int32Array(board, 0, ${WORDS});
const numbers = new Float64Array(board, ${NUMBERS_AT});
const CALLED = ${Word.Threads} + thread * ${LINE_WORDS};
const SLEEPS = CALLED + 1;

function nextRound(round) {
  for (let look = 0; look < ${LOOKS}; look++) {
    if (Atomics.load(words, CALLED) !== round) return Atomics.load(words, CALLED);
  }
  Atomics.store(words, SLEEPS, 1);
  Atomics.wait(words, CALLED, round);
  Atomics.store(words, SLEEPS, 0);
  return Atomics.load(words, CALLED);
}

function take(round) {
  for (;;) {
    const open = Atomics.load(words, OPEN);
    const left = open & ${ROUND - 1};
    if (left === 0 || open - left !== round) return -1;
    if (Atomics.compareExchange(words, OPEN, open, open - 1) === open) return words[CALLS] - left;
  }
}

for (let round = 0; ; ) {
  round = nextRound(round);
  for (let i = take(round); i >= 0; i = take(round)) {
    const calls = words[CALLS];
    const own = calls + i * words[ARGUMENTS];
    try {
      const entry = callsOf(words[CREW], words[TOLD])[words[EXPORT]];
      numbers[i] = entry(...numbers.subarray(own, own + words[ARGUMENTS]));
    } catch {
      words[FAILED] = 1;
    }
    if (Atomics.add(words, DONE, 1) + 1 === calls && Atomics.load(words, CALLER_SLEEPS) === 1) {
      Atomics.notify(words, DONE);
    }
  }
}
`;

/** The caller's side. */
export class Board {
  readonly memory = new SharedArrayBuffer(NUMBERS_AT + 8 * MOST_NUMBERS);
  readonly #words = new Int32Array(this.memory, 0, WORDS);
  readonly #numbers = new Float64Array(this.memory, NUMBERS_AT);
  #round = 0;

  /** Threads that the board has room for. */
  static readonly mostThreads = MOST_THREADS;

  /** Lets threads know that there is a message for them, which they read at their next call. */
  tell(): void {
    this.#words[Word.Told]!++;
  }

  /**
   * Calls `own`, which is the crew's export of that number, once for each list of arguments, here or in the first
   * `threads` threads. `meanwhile` runs here before this thread takes calls as well. Gives what each call gave.
   */
  run(
    crew: number,
    entry: number,
    own: (...values: number[]) => number,
    lists: readonly (readonly number[])[],
    threads: number,
    meanwhile: () => void,
  ): number[] {
    this.#putUp(crew, entry, lists);
    for (let thread = 0; thread < Math.min(threads, lists.length); thread++) this.#call(thread);
    try {
      meanwhile();
    } finally {
      this.#work(own, lists);
      this.#wait(lists.length);
    }
    if (this.#words[Word.Failed] === 1) throw new Error('worker threads: a kernel failed');
    return Array.from(this.#numbers.subarray(0, lists.length));
  }

  #putUp(crew: number, entry: number, lists: readonly (readonly number[])[]): void {
    const [words, numbers] = [this.#words, this.#numbers];
    const count = lists[0]?.length ?? 0;
    if (lists.length >= ROUND || lists.length * (1 + count) > MOST_NUMBERS) {
      throw new Error(`worker threads: expected fewer calls, got ${lists.length} of ${count} arguments`);
    }
    lists.forEach((values, i) => {
      numbers.set(values, lists.length + i * count);
    });
    words[Word.Done] = 0;
    words[Word.Calls] = lists.length;
    words[Word.Arguments] = count;
    words[Word.Crew] = crew;
    words[Word.Export] = entry;
    words[Word.Failed] = 0;
    this.#round = (this.#round + ROUND) | 0;
    Atomics.store(words, Word.Open, this.#round + lists.length);
  }

  #call(thread: number): void {
    const called = Word.Threads + thread * LINE_WORDS;
    Atomics.store(this.#words, called, this.#round);
    if (Atomics.load(this.#words, called + 1) === 1) Atomics.notify(this.#words, called);
  }

  #work(own: (...values: number[]) => number, lists: readonly (readonly number[])[]): void {
    const words = this.#words;
    for (;;) {
      const open = Atomics.load(words, Word.Open);
      const left = open & (ROUND - 1);
      if (left === 0) return;
      if (Atomics.compareExchange(words, Word.Open, open, open - 1) !== open) continue;
      const i = lists.length - left;
      this.#numbers[i] = own(...lists[i]!);
      Atomics.add(words, Word.Done, 1);
    }
  }

  /** Waits until all calls are done. */
  #wait(calls: number): void {
    const words = this.#words;
    for (let look = 0; look < LOOKS; look++) if (Atomics.load(words, Word.Done) === calls) return;
    Atomics.store(words, Word.CallerSleeps, 1);
    for (let done = Atomics.load(words, Word.Done); done < calls; done = Atomics.load(words, Word.Done)) {
      if (Atomics.wait(words, Word.Done, done, WAIT_LIMIT_MS) === 'timed-out') {
        throw new Error(`worker threads: no answer within ${WAIT_LIMIT_MS / 1000} s`);
      }
    }
    Atomics.store(words, Word.CallerSleeps, 0);
  }
}
