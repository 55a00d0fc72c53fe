/**
 * The contexts: each is a hash of something in what came before the next byte. The twin of `byte-model-contexts.h`.
 *
 * Their numbers are part of the format; a level names those that it uses.
 */
import { type Model, mixHash } from './byte-model-arithmetic.js';
import { expectedByte, historyMask, matchLength } from './byte-model-match.js';
import { CONTEXTS_MOST, FIELDS_ABOVE_AT, Register as R } from './byte-model-memory.js';
import { fieldSlot, followersOf } from './byte-model-text.js';

const { imul } = Math;

/** The byte above, in the same column of the line before; 0 where there is none. */
function byteAbove(m: Model): number {
  const r = m.registers;
  const line = r[R.line]!;
  const above = (r[R.lineAbove]! + (r[R.position]! - line)) >>> 0;
  return line > 0 && above < line ? m.history[above & historyMask(m)]! : 0;
}

/** The byte at the same place of the same field in the line before. */
function byteInFieldAbove(m: Model): number {
  const r = m.registers;
  const began = r[FIELDS_ABOVE_AT + fieldSlot(r[R.field]!)]!;
  const above = (began + (r[R.position]! - r[R.fieldBegan]!)) >>> 0;
  const isThere = (began > 0 || r[R.field] === 0) && above < r[R.line]!;
  return isThere ? m.history[above & historyMask(m)]! : 0;
}

/** The byte that the longest match expects, with how long it is; 0 without a match. */
function expectation(m: Model): number {
  for (let k = 0; k < Math.min(2, m.plan.matches); k++) {
    const length = matchLength(m, k);
    if (length === 0) continue;
    const longer = length > 16 ? 512 : 0;
    return expectedByte(m, k) + 1 + (length > 32 ? 1024 : longer);
  }
  return 0;
}

/** Orders: the last bytes, all of them or some. */
function hashOrders(r: Uint32Array, hash: Uint32Array): void {
  const last4 = r[R.last4]!;
  const last8 = r[R.last8]!;
  hash[0] = last4 & 0xff;
  hash[1] = last4 & 0xffff;
  hash[2] = last4 & 0xffffff;
  hash[3] = last4;
  hash[4] = mixHash(last4, last8 & 0xff);
  hash[5] = mixHash(last4, last8 & 0xffff);
  hash[6] = mixHash(last4, last8);
  hash[33] = mixHash(last4, last8 & 0xffffff);
  hash[48] = mixHash(last4, mixHash(last8, r[R.last12]! & 0xffff));
  hash[10] = last4 & 0xffff00;
  hash[11] = last4 & 0xff0000ff;
  hash[34] = last4 >>> 8;
  hash[35] = last4 & 0xff00ff;
  hash[46] = last4 >>> 16;
  hash[15] = mixHash(mixHash(last4 >>> 24, last8 >>> 24), r[R.position]! & 3);
  hash[60] = mixHash(last4 & 0xf8f8f8f8, last8 & 0xf8f8);
  hash[40] = mixHash(r[R.folded4]!, r[R.folded8]! & 0xffff);
  hash[41] = mixHash(r[R.folded4]!, r[R.folded8]! & 0xff);
  hash[42] = r[R.folded4]!;
  hash[24] = mixHash(r[R.classes]! & 0xffffff, last4 & 0xff);
  hash[56] = mixHash(last4 & 0xff, r[R.classes]! & 0x3fffffff);
}

/** Words: the open one with those before it, or with what stands around it. */
function hashWords(r: Uint32Array, wordFollower: number, above: number, hash: Uint32Array): void {
  const word = r[R.word]!;
  const word1 = r[R.word1]!;
  const word2 = r[R.word2]!;
  const last4 = r[R.last4]!;
  hash[7] = mixHash(word, last4 & 0xff);
  hash[8] = mixHash(word, word1);
  hash[9] = mixHash(word, mixHash(word2, word1));
  hash[17] = mixHash(word, word2);
  hash[28] = mixHash(word, r[R.word3]!);
  hash[29] = mixHash(word, mixHash(word1, mixHash(word2, r[R.word3]!)));
  hash[25] = mixHash(r[R.classes]! & 0xfff, word);
  hash[26] = mixHash(word, r[R.firstWord]!);
  hash[27] = mixHash(word, mixHash(r[R.stem1]!, r[R.stem2]!));
  hash[36] = mixHash(word, r[R.separator]!);
  hash[37] = mixHash(word, mixHash(r[R.separator]!, word1));
  hash[38] = mixHash(word, r[R.suffix1]!);
  hash[39] = mixHash(word, wordFollower);
  hash[43] = mixHash(r[R.lineBeginning]!, word);
  hash[44] = mixHash(word, r[R.lastCapitalized]!);
  hash[47] = mixHash(r[R.wordLength]!, mixHash(r[R.wordLength1]!, last4 & 0xffff));
  hash[49] = mixHash(word, mixHash(r[R.separator1]!, mixHash(r[R.separator]!, r[R.wordLength1]!)));
  hash[52] = mixHash(word, above);
  hash[54] = mixHash(last4 & 0xffffff, r[R.wordLength]!);
  hash[55] = mixHash(last4 & 0xffff, word1);
  hash[57] = mixHash(r[R.stem]!, last4 & 0xffff);
  hash[61] = mixHash(last4 & 0xdfdfdf, r[R.suffix1]! & 0xff);
}

/** Lines, fields, markup, and what followed before. */
function hashStructure(m: Model, above: number, hash: Uint32Array): void {
  const { registers: r, indirect } = m;
  const followers = followersOf(m);
  const byteFollower = indirect[followers.ofByte]!;
  const pairFollower = indirect[followers.ofPair]!;
  const last4 = r[R.last4]!;
  const last1 = last4 & 0xff;
  const last2 = last4 & 0xffff;
  const last3 = last4 & 0xffffff;
  const column = Math.min((r[R.position]! - r[R.line]!) >>> 0, 255);
  hash[12] = above | (column << 8);
  hash[16] = above | (last1 << 8);
  hash[50] = mixHash(column, last1);
  hash[58] = mixHash(last2, column >> 3);
  hash[13] = mixHash(r[R.field]!, r[R.fieldText]!);
  hash[14] = mixHash(byteInFieldAbove(m), mixHash(last2, r[R.field]!));
  hash[18] = mixHash(last4 & 0xf0f0ffff, r[R.brackets]!);
  hash[19] = mixHash(last2, r[R.lineBeginning]!);
  hash[20] = last1 | ((byteFollower & 0xffff) << 8);
  hash[21] = mixHash(last2, pairFollower & 0xffff);
  hash[22] = mixHash(last3, pairFollower & 0xff);
  hash[59] = mixHash(pairFollower, last1);
  hash[23] = mixHash(expectation(m), last1);
  hash[51] = mixHash(expectation(m), last3);
  hash[30] = mixHash(r[R.markup]!, mixHash(r[R.word]!, last1));
  hash[31] = mixHash(last2, r[R.markup]!);
  hash[32] = r[R.markupText]!;
  hash[62] = mixHash(r[R.word]!, mixHash(r[R.markup]!, r[R.word1]!));
  hash[63] = mixHash(r[R.markupText]!, r[R.word1]!);
  hash[45] = mixHash(r[R.tag]!, last3);
  hash[53] = mixHash(r[R.tag]!, r[R.word]!);
}

const all = new Uint32Array(CONTEXTS_MOST);

/** The hashes of a level's contexts, in its order. */
export function hashContexts(m: Model, hashes: Uint32Array): void {
  const above = byteAbove(m);
  hashOrders(m.registers, all);
  hashWords(m.registers, m.indirect[followersOf(m).ofWord]!, above, all);
  hashStructure(m, above, all);
  m.plan.contexts.forEach((context, k) => {
    hashes[k] = imul(all[context]!, 0x9e3779b1) + context;
  });
}
