/**
 * Text as bytes, each by its eight bits: contexts of the bytes before, of the word, of the column's text before, and of
 * the row's other cells. A byte 0 ends a text; where it is one of the text, a further decision says so.
 */
import type { Column } from './column.js';
import type { Decisions } from './decisions.js';
import { hash2, hash3 } from './hash.js';
import { restore, saved } from './saved.js';
import type { TextColumn } from './text-column.js';

const TEXT_RATE = 0.01;
const TEXT_RATE_LEAST = 0.0015;
const HISTORY_BITS = 20;
const MATCH_BITS = 16;
const PREVIOUS_BYTES = 512;
/** Behind the payload's end nothing is told any more. */
const OVERRUN_MOST = 4;
/** Behind the nodes of a byte. */
const LITERAL_NODE = 300;
/** For each context the one that it backs off to. */
const PARENTS = [-1, 0, 1, 2, 3, 4, 5, 0, 7, 7, 1, 10, 1, 0, -1, 14, 14, 2, 0, 1, 3, 7, 0] as const;

/** The text of a column before this one. */
interface Before {
  readonly bytes: Uint8Array;
  length: number;
}

export class TextCoder {
  readonly #decisions: Decisions;
  readonly #history = new Uint8Array(1 << HISTORY_BITS);
  #historyEnd = 0;
  readonly #matches = new Int32Array(1 << MATCH_BITS).fill(-1);
  readonly #before = new Map<number, Before>();
  readonly #hashes = new Int32Array(PARENTS.length);
  /** Where the expected byte is in the history, −1 where nothing is expected, and for how long it was right. */
  #match = -1;
  #matchLength = 0;
  /** The hash of the string coded last. */
  lastHash = 0;

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
  }

  save() {
    const before = [...this.#before].map(([index, { bytes, length }]) => ({
      index,
      bytes: bytes.slice(0, length),
    }));
    const { lastHash } = this;
    return {
      lastHash,
      before,
      end: this.#historyEnd,
      match: this.#match,
      matchLength: this.#matchLength,
      history: saved(this.#history),
      matches: saved(this.#matches),
    };
  }

  restore(state: ReturnType<TextCoder['save']>): void {
    this.lastHash = state.lastHash;
    this.#historyEnd = state.end;
    this.#match = state.match;
    this.#matchLength = state.matchLength;
    restore(state.history, this.#history);
    restore(state.matches, this.#matches);
    this.#before.clear();
    for (const { index, bytes } of state.before) {
      const before = this.#beforeOf(index);
      before.bytes.set(bytes);
      before.length = bytes.length;
    }
  }

  /** Codes one string of a column: `text`'s next where it is given, else appended to it. `width` may be known. */
  code(column: Column, text: TextColumn, isGiven: boolean, width = -1): void {
    const before = this.#beforeOf(column.index);
    const state = new TextState(column);
    const begin = isGiven ? text.offsets[text.next]! : 0;
    const length = isGiven ? text.offsets[text.next + 1]! - begin : 0;
    const fresh = new Uint8Array(PREVIOUS_BYTES);
    for (let i = 0; i !== width; i++) {
      const given = isGiven && i < length ? text.bytes[begin + i]! : 0;
      this.#contexts(column, state, before, i);
      const byte = this.#byte(column, state, given, i);
      const goesOn = byte !== 0 || width >= 0 || this.#isLiteral(column, isGiven && i < length ? 1 : 0);
      this.#learn(column, state, before, byte);
      if (!goesOn) break;
      if (this.#decisions.isDecoding && this.#decisions.overrun > OVERRUN_MOST) break;
      if (i < PREVIOUS_BYTES) fresh[i] = byte;
      if (!isGiven) text.put(byte);
    }
    before.bytes.set(fresh);
    before.length = Math.min(width < 0 ? state.length - 1 : width, PREVIOUS_BYTES);
    this.lastHash = state.prefix;
    if (isGiven) text.next++;
    else text.end();
  }

  #beforeOf(index: number): Before {
    const known = this.#before.get(index);
    if (known !== undefined) return known;
    const fresh = { bytes: new Uint8Array(PREVIOUS_BYTES), length: 0 };
    this.#before.set(index, fresh);
    return fresh;
  }

  #contexts(column: Column, s: TextState, { bytes, length }: Before, i: number): void {
    const h = this.#hashes;
    const own = 500 + column.index;
    const { last4, last8, word, prefix, p1, p2, p3 } = s;
    const above = i < length ? bytes[i]! : 0;
    const aboveNext = i + 1 < length ? bytes[i + 1]! : 0;
    const aligned = s.aligned < length ? bytes[s.aligned]! : 0;
    const last = last4 & 0xff;
    const last3 = last4 & 0xffffff;
    const expected = this.#match >= 0 ? this.#history[this.#match]! + 1 : 0;
    s.expected = expected;
    let n = 0;
    h[n++] = own;
    h[n++] = hash3(own, last, 1);
    h[n++] = hash3(own, last4 & 0xffff, 2);
    h[n++] = hash3(own, last3, 3);
    h[n++] = hash3(own, last4, 4);
    h[n++] = hash3(own, hash2(last4, last8 & 0xff), 5);
    h[n++] = hash3(own, hash2(last4, last8 & 0xffff), 6);
    h[n++] = hash3(own, prefix, 7);
    h[n++] = hash3(prefix, p1, hash2(own, 8));
    h[n++] = hash3(prefix, p2, hash2(own, 9));
    h[n++] = hash3(word, last, hash2(own, 10));
    h[n++] = hash3(word, s.wordBefore, hash2(own, 11));
    h[n++] = hash3(above | (aboveNext << 8), last, hash2(own, 12));
    h[n++] = hash3(i, last, hash2(own, 13));
    h[n++] = hash2(last3, 14);
    h[n++] = hash3(last4, last8 & 0xffff, 15);
    h[n++] = hash3(word, last, 16);
    h[n++] = hash3(aligned, last4 & 0xffff, hash2(own, 17));
    h[n++] = hash3(expected, Math.min(15, this.#matchLength), hash2(own, 18));
    h[n++] = hash3(last, p1, hash2(own, 19));
    h[n++] = hash3(last3, p3, hash2(own, 20));
    h[n++] = hash3(prefix, above | (aligned << 8), hash2(own, 21));
    h[n++] = hash3(i, above | (s.isAsAbove ? 256 : 0), hash2(own, 22));
    this.#decisions.keep(0);
    for (let c = 0; c < n; c++) this.#decisions.add(hash2(h[c]!, c), PARENTS[c]!);
    s.isAsAbove = s.isAsAbove && i < length;
  }

  #byte(column: Column, s: TextState, given: number, i: number): number {
    const decisions = this.#decisions;
    const model = column.index % decisions.models;
    const right = this.#matchLength > 15 ? 3 : this.#matchLength > 7 ? 2 : this.#matchLength > 4 ? 1 : 0;
    let node = 1;
    for (let b = 7; b >= 0; b--) {
      const isExpected = s.expected > 0 && ((s.expected - 1) | 256) >> (b + 1) === node;
      const match = isExpected ? 1 + (((s.expected - 1) >> b) & 1) + 2 * right : 0;
      const depthRow = model * 64 + (7 - b) * 8 + Math.min(7, i);
      const lastRow = decisions.rows.text + (s.last4 & 0xff) * 8 + 7 - b;
      decisions.choose(model, depthRow, model * 256 + node, model * 256 + match * 16, lastRow);
      decisions.sureBy(7, 5, -1, -1, 1, 4);
      node = 2 * node + decisions.bit((given >> b) & 1, node, PARENTS.length, TEXT_RATE, TEXT_RATE_LEAST);
    }
    return node - 256;
  }

  /** Whether a byte 0 is one of the text. */
  #isLiteral(column: Column, given: number): boolean {
    const decisions = this.#decisions;
    const model = column.index % decisions.models;
    decisions.choose(model, model * 64 + 63, model * 256, model * 256, decisions.rows.model + model);
    return decisions.bit(given, LITERAL_NODE, PARENTS.length, TEXT_RATE, TEXT_RATE_LEAST) === 1;
  }

  #learn(column: Column, s: TextState, { bytes, length }: Before, byte: number): void {
    const history = this.#history;
    const mask = history.length - 1;
    const at = this.#historyEnd;
    history[at] = byte;
    this.#historyEnd = (at + 1) & mask;
    const i = s.length;
    s.take(byte);
    s.isAsAbove = s.isAsAbove && bytes[i] === byte;
    s.align(byte, bytes, length);
    if (this.#match >= 0) {
      if (history[this.#match] === byte) {
        this.#match = (this.#match + 1) & mask;
        this.#matchLength++;
      } else {
        this.#match = -1;
        this.#matchLength = 0;
      }
    }
    if (i < 3) return;
    const slot = hash3(s.last4, column.index, s.last8 & 0xff) >>> (32 - MATCH_BITS);
    if (this.#match < 0 && this.#matches[slot]! >= 0) {
      this.#match = this.#matches[slot]!;
      this.#matchLength = 1;
    }
    this.#matches[slot] = this.#historyEnd;
  }
}

/** What is known of the text that is being coded. */
class TextState {
  last4 = 0;
  last8 = 0;
  word = 0;
  wordBefore = 0;
  prefix = 3;
  length = 0;
  /** The place in the text before that corresponds to this one, by spaces and commas. */
  aligned = 0;
  isAsAbove = true;
  expected = 0;
  readonly p1: number;
  readonly p2: number;
  readonly p3: number;

  constructor({ parents }: Column) {
    this.p1 = parents[0]?.key ?? 0;
    this.p2 = parents[1]?.key ?? 0;
    this.p3 = parents[2]?.key ?? 0;
  }

  take(byte: number): void {
    this.prefix = hash2(this.prefix, byte);
    this.last8 = (this.last8 << 8) | (this.last4 >>> 24);
    this.last4 = (this.last4 << 8) | byte;
    this.length++;
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if ((lower >= 97 && lower <= 122) || byte >= 128) this.word = hash2(this.word, lower);
    else {
      if (this.word !== 0) this.wordBefore = this.word;
      this.word = 0;
    }
  }

  align(byte: number, bytes: Uint8Array, length: number): void {
    if (byte !== 32 && byte !== 44) {
      if (this.aligned < length) this.aligned++;
      return;
    }
    let at = this.aligned;
    while (at < length && bytes[at] !== byte) at++;
    if (at < length) this.aligned = at + 1;
  }
}
