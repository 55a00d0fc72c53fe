/**
 * Work in turns: one at once, and one whenever something has happened, all in one task as long as nothing is waited
 * for. So what happens a million times a second costs a call, and no promise.
 */

/** After so long in one row of turns, timers and events are due: a source and a sink that never wait keep them out. */
const ROW_MS = 30;

export class Turns {
  #take: () => void = () => {};
  #beganMs = performance.now();

  /** Takes a turn, unless one is being taken or none are. */
  wake(): void {
    this.#take();
  }

  /** Takes turns until one answers something; rejects with what one throws. */
  until<Answer>(turn: () => Answer | undefined): Promise<Answer> {
    this.#beganMs = performance.now();
    return new Promise((resolve, reject) => {
      let isTaken = false;
      this.#take = () => {
        if (isTaken) return;
        isTaken = true;
        try {
          const answer = turn();
          if (answer === undefined) isTaken = false;
          else resolve(answer);
        } catch (error) {
          reject(error);
        }
      };
      this.#take();
    });
  }

  /** Whether it is time for a rest. */
  get isLong(): boolean {
    return performance.now() - this.#beganMs > ROW_MS;
  }

  /** Lets timers and events have their turn. */
  rest(): Promise<void> {
    return new Promise((resolve) => {
      (globalThis.setImmediate ?? setTimeout)(resolve);
    });
  }
}
