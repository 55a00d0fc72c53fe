/**
 * A bounded queue between a client that is handed messages and a reader that asks for them.
 */

export class MessageBuffer<M> {
  readonly #capacity: number;
  #messages: M[] = [];
  #end: { readonly error?: unknown } | undefined;
  #onChange: (() => void) | undefined;
  #onRoom: (() => void) | undefined;

  /** Holds so many messages before `push` makes the client wait. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes a message in; where that fills the buffer, a promise that resolves once there is room. */
  push(message: M): Promise<void> | undefined {
    this.#messages.push(message);
    this.#onChange?.();
    if (this.#messages.length < this.#capacity) return undefined;
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** Behind the messages that are here there are no more. */
  end(): void {
    this.#end ??= {};
    this.#onChange?.();
  }

  /** Behind the messages that are here there is this error. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#onChange?.();
  }

  /** See `MessageFeed.take`. */
  async take(most: number, waitMs: number, signal: AbortSignal): Promise<readonly M[] | undefined> {
    signal.throwIfAborted();
    if (this.#messages.length === 0 && this.#end === undefined) await this.#change(waitMs, signal);
    signal.throwIfAborted();
    if (this.#messages.length === 0 && this.#end !== undefined) {
      if ('error' in this.#end) throw this.#end.error;
      return undefined;
    }
    const taken = this.#messages.splice(0, most);
    if (this.#messages.length < this.#capacity) {
      this.#onRoom?.();
      this.#onRoom = undefined;
    }
    return taken;
  }

  /** Resolves with the next change, after `waitMs`, or when the signal aborts. */
  #change(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#onChange = undefined;
        resolve();
      };
      const timer = Number.isFinite(waitMs) ? setTimeout(done, waitMs) : undefined;
      signal.addEventListener('abort', done);
      this.#onChange = done;
    });
  }
}
