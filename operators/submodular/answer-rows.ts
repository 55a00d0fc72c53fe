/**
 * Answers as the columns of output rows.
 */
import type { ColumnView, Id } from '../../src/row-types.js';
import type { Answer } from './summary.js';

export class AnswerRows {
  count = 0;
  readonly #offsets: Int32Array;
  readonly #selected: Id[] = [];
  readonly #gains: number[] = [];
  readonly #values: Float64Array;
  readonly #oracleCalls: BigInt64Array;
  readonly #changed: Int32Array;
  readonly #certified: Uint8Array;

  constructor(numRows: number) {
    this.#offsets = new Int32Array(numRows + 1);
    this.#values = new Float64Array(numRows);
    this.#oracleCalls = new BigInt64Array(numRows);
    this.#changed = new Int32Array(numRows);
    this.#certified = new Uint8Array(numRows);
  }

  add({ selected, gains, value, oracleCalls, changed, certified }: Answer): void {
    const row = this.count++;
    for (const id of selected) this.#selected.push(id);
    for (const gain of gains) this.#gains.push(gain);
    this.#offsets[row + 1] = this.#selected.length;
    this.#values[row] = value;
    this.#oracleCalls[row] = BigInt(oracleCalls);
    this.#changed[row] = changed;
    this.#certified[row] = certified ? 1 : 0;
  }

  columns(): Readonly<Record<string, ColumnView>> {
    return {
      selected: { offsets: this.#offsets, values: this.#selected },
      gains: { offsets: this.#offsets.slice(), values: Float64Array.from(this.#gains) },
      value: this.#values,
      oracleCalls: this.#oracleCalls,
      changed: this.#changed,
      certified: this.#certified,
    };
  }
}
