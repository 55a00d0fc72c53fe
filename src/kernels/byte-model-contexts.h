/**
 * The contexts: each is a hash of something in what came before the next byte. Their numbers are part of the format;
 * a level names those that it uses.
 */
#pragma once

#include "byte-model-match.h"
#include "byte-model-text.h"

/** The byte above, in the same column of the line before; 0 where there is none. */
INLINE uint32_t byteAbove(const Model *m) {
  const Registers *r = m->registers;
  const uint32_t above = r->lineAbove + (r->position - r->line);
  return r->line > 0 && above < r->line ? m->history[above & ((1u << m->plan->historyBits) - 1)] : 0;
}

/** The byte at the same place of the same field in the line before. */
INLINE uint32_t byteInFieldAbove(const Model *m) {
  const Registers *r = m->registers;
  const uint32_t began = r->fieldsAbove[fieldSlot(r->field)];
  const uint32_t above = began + (r->position - r->fieldBegan);
  return (began > 0 || r->field == 0) && above < r->line ? m->history[above & ((1u << m->plan->historyBits) - 1)] : 0;
}

/** The byte that the longest match expects, with how long it is; 0 without a match. */
INLINE uint32_t expectation(const Model *m) {
  for (int k = 0; k < 2 && k < m->plan->matches; k++) {
    const uint32_t length = m->registers->matches[k].length;
    if (length) return expectedByte(m, k) + 1 + (length > 32 ? 1024 : length > 16 ? 512 : 0);
  }
  return 0;
}

/** Orders: the last bytes, all of them or some. */
INLINE void hashOrders(const Registers *r, uint32_t *hash) {
  const uint32_t last4 = r->last4, last8 = r->last8;
  hash[0] = last4 & 0xff;
  hash[1] = last4 & 0xffff;
  hash[2] = last4 & 0xffffff;
  hash[3] = last4;
  hash[4] = mixHash(last4, last8 & 0xff);
  hash[5] = mixHash(last4, last8 & 0xffff);
  hash[6] = mixHash(last4, last8);
  hash[33] = mixHash(last4, last8 & 0xffffff);
  hash[48] = mixHash(last4, mixHash(last8, r->last12 & 0xffff));
  hash[10] = last4 & 0xffff00;
  hash[11] = last4 & 0xff0000ff;
  hash[34] = last4 >> 8;
  hash[35] = last4 & 0xff00ff;
  hash[46] = last4 >> 16;
  hash[15] = mixHash(mixHash(last4 >> 24, last8 >> 24), r->position & 3);
  hash[60] = mixHash(last4 & 0xf8f8f8f8, last8 & 0xf8f8);
  hash[40] = mixHash(r->folded4, r->folded8 & 0xffff);
  hash[41] = mixHash(r->folded4, r->folded8 & 0xff);
  hash[42] = r->folded4;
  hash[24] = mixHash(r->classes & 0xffffff, last4 & 0xff);
  hash[56] = mixHash(last4 & 0xff, r->classes & 0x3fffffff);
}

/** Words: the open one with those before it, or with what stands around it. */
INLINE void hashWords(const Registers *r, uint32_t wordFollower, uint32_t above, uint32_t *hash) {
  const uint32_t word = r->word, word1 = r->word1, word2 = r->word2, last4 = r->last4;
  hash[7] = mixHash(word, last4 & 0xff);
  hash[8] = mixHash(word, word1);
  hash[9] = mixHash(word, mixHash(word2, word1));
  hash[17] = mixHash(word, word2);
  hash[28] = mixHash(word, r->word3);
  hash[29] = mixHash(word, mixHash(word1, mixHash(word2, r->word3)));
  hash[25] = mixHash(r->classes & 0xfff, word);
  hash[26] = mixHash(word, r->firstWord);
  hash[27] = mixHash(word, mixHash(r->stem1, r->stem2));
  hash[36] = mixHash(word, r->separator);
  hash[37] = mixHash(word, mixHash(r->separator, word1));
  hash[38] = mixHash(word, r->suffix1);
  hash[39] = mixHash(word, wordFollower);
  hash[43] = mixHash(r->lineBeginning, word);
  hash[44] = mixHash(word, r->lastCapitalized);
  hash[47] = mixHash(r->wordLength, mixHash(r->wordLength1, last4 & 0xffff));
  hash[49] = mixHash(word, mixHash(r->separator1, mixHash(r->separator, r->wordLength1)));
  hash[52] = mixHash(word, above);
  hash[54] = mixHash(last4 & 0xffffff, r->wordLength);
  hash[55] = mixHash(last4 & 0xffff, word1);
  hash[57] = mixHash(r->stem, last4 & 0xffff);
  hash[61] = mixHash(last4 & 0xdfdfdf, r->suffix1 & 0xff);
}

/** Lines, fields, markup, and what followed before. */
INLINE void hashStructure(const Model *m, Followers followers, uint32_t above, uint32_t *hash) {
  const Registers *r = m->registers;
  const uint32_t last4 = r->last4, last1 = last4 & 0xff, last2 = last4 & 0xffff, last3 = last4 & 0xffffff;
  const uint32_t column = r->position - r->line < 255 ? r->position - r->line : 255;
  hash[12] = above | column << 8;
  hash[16] = above | last1 << 8;
  hash[50] = mixHash(column, last1);
  hash[58] = mixHash(last2, column >> 3);
  hash[13] = mixHash(r->field, r->fieldText);
  hash[14] = mixHash(byteInFieldAbove(m), mixHash(last2, r->field));
  hash[18] = mixHash(last4 & 0xf0f0ffff, r->brackets);
  hash[19] = mixHash(last2, r->lineBeginning);
  hash[20] = last1 | (*followers.ofByte & 0xffff) << 8;
  hash[21] = mixHash(last2, *followers.ofPair & 0xffff);
  hash[22] = mixHash(last3, *followers.ofPair & 0xff);
  hash[59] = mixHash(*followers.ofPair, last1);
  hash[23] = mixHash(expectation(m), last1);
  hash[51] = mixHash(expectation(m), last3);
  hash[30] = mixHash(r->markup, mixHash(r->word, last1));
  hash[31] = mixHash(last2, r->markup);
  hash[32] = r->markupText;
  hash[62] = mixHash(r->word, mixHash(r->markup, r->word1));
  hash[63] = mixHash(r->markupText, r->word1);
  hash[45] = mixHash(r->tag, last3);
  hash[53] = mixHash(r->tag, r->word);
}

/** The hashes of a level's contexts, in its order. */
ONCE void hashContexts(const Model *m, uint32_t *hashes) {
  uint32_t all[CONTEXTS_MOST];
  const Followers followers = followersOf(*m);
  const uint32_t above = byteAbove(m);
  hashOrders(m->registers, all);
  hashWords(m->registers, *followers.ofWord, above, all);
  hashStructure(m, followers, above, all);
  for (int k = 0; k < m->plan->contexts; k++) {
    const uint32_t context = m->plan->context[k];
    hashes[k] = all[context] * 0x9e3779b1u + context;
  }
}
