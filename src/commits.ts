/**
 * Telling someone which position is done with: one call at a time, and of those that have piled up only the newest.
 */
import type { Position } from './source.js';

export class Commits {
  readonly #tell: (position: Position) => void | Promise<void>;
  readonly #onError: (error: unknown) => void;
  #newest: { readonly position: Position } | undefined;
  #telling: Promise<void> | undefined;
  #hasFailed = false;

  constructor(tell: (position: Position) => void | Promise<void>, onError: (error: unknown) => void) {
    this.#tell = tell;
    this.#onError = onError;
  }

  /** Everything up to the position is done with. */
  add(position: Position): void {
    if (this.#hasFailed) return;
    this.#newest = { position };
    this.#telling ??= this.#tellAll();
  }

  /** Resolves once all is told, or once telling has failed. */
  async settled(): Promise<void> {
    await this.#telling;
  }

  async #tellAll(): Promise<void> {
    try {
      for (let next = this.#newest; next !== undefined; next = this.#newest) {
        this.#newest = undefined;
        await this.#tell(next.position);
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#onError(error);
    } finally {
      this.#telling = undefined;
    }
  }
}
