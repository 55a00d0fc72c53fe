/** What the model remembers of the text before the next byte: words, lines, fields, markup. */
#pragma once

#include "byte-model-memory.h"

enum { LETTER = 1, CAPITAL, DIGIT, SPACE, NEWLINE, PUNCTUATION, BRACKET };
enum { NO_MARKUP, ONE_BRACKET, LINK, BRACE, TAG, PARENTHESIS, LINK_TEXT, EMPHASIS, HEADING, QUOTE, ENTITY, LIST };

INLINE int isBetween(uint32_t byte, uint32_t from, uint32_t to) { return byte - from <= to - from; }

INLINE uint32_t classOf(uint32_t byte) {
  if (isBetween(byte, 'a', 'z') || byte >= 128) return LETTER;
  if (isBetween(byte, 'A', 'Z')) return CAPITAL;
  if (isBetween(byte, '0', '9')) return DIGIT;
  switch (byte) {
    case ' ': return SPACE;
    case '\n': return NEWLINE;
    case '.': case ',': case ';': case ':': case '!': case '?': return PUNCTUATION;
    case '[': case '{': case '<': case '(': case '|': case '=': return BRACKET;
    default: return 0;
  }
}

INLINE void endWord(Registers *r, uint32_t *follower) {
  *follower = r->word;
  r->word3 = r->word2;
  r->word2 = r->word1;
  r->word1 = r->word;
  r->stem2 = r->stem1;
  r->stem1 = r->stem;
  r->suffix1 = r->suffix;
  r->wordLength1 = r->wordLength;
  if (r->capitalized) r->lastCapitalized = r->word;
  if (!r->firstWord) r->firstWord = r->word;
  r->word = r->wordLength = r->separator = r->between = 0;
}

/** `follower` is where the word that followed the last one is kept. */
INLINE void readWord(Registers *r, uint32_t byte, uint32_t lower, uint32_t *follower) {
  if (!isBetween(lower, 'a', 'z') && byte < 128) {
    if (r->word) endWord(r, follower);
    r->between = r->separator = mixHash(r->between, byte);
    return;
  }
  if (!r->word) {
    r->separator1 = r->separator;
    r->separator = r->between;
    r->capitalized = byte != lower;
    r->between = r->wordLength = r->stem = r->suffix = 0;
  }
  r->word = mixHash(r->word, lower + 77);
  r->wordLength++;
  if (r->wordLength <= 4) r->stem = r->word;
  r->suffix = (r->suffix << 8 | lower) & 0xffffff;
}

/** The markup state after a byte; `before` is the byte before it. A new state forgets the text of the old one. */
INLINE uint32_t markupAfter(uint32_t markup, uint32_t byte, uint32_t before) {
  switch (byte) {
    case '[': return before == '[' ? LINK : ONE_BRACKET;
    case '{': return BRACE;
    case '<': return TAG;
    case '(': return PARENTHESIS;
    case ']': case '}': case '>': case ')': case '\n': return NO_MARKUP;
    case '|': return markup == LINK ? LINK_TEXT : markup;
    case '\'': return before != '\'' ? markup : markup == EMPHASIS ? NO_MARKUP : EMPHASIS;
    case '=': return before == '=' ? HEADING : markup;
    case '"': return markup == QUOTE ? NO_MARKUP : QUOTE;
    case '&': return ENTITY;
    case ';': return markup == ENTITY ? NO_MARKUP : markup;
    case '*': return before == '\n' ? LIST : markup;
    default: return markup;
  }
}

INLINE int forgetsText(uint32_t byte, uint32_t before) {
  switch (byte) {
    case '[': case '{': case '<': case '(': case '>': case '|': case '"': case '&': case '\n': return 1;
    case '\'': case '=': return before == byte;
    default: return 0;
  }
}

INLINE void readMarkup(Registers *r, uint32_t byte, uint32_t before) {
  if (byte == '>' && r->inTag) {
    r->tag = r->openTag;
    r->inTag = 0;
  }
  if (byte == '<') {
    r->openTag = 0;
    r->inTag = 1;
  }
  r->markup = markupAfter(r->markup, byte, before);
  if (forgetsText(byte, before)) r->markupText = 0;
  r->markupText = mixHash(r->markupText, byte + r->markup * 256);
  if (r->inTag) r->openTag = mixHash(r->openTag, byte);
  const int isBracket = byte == ']' || byte == '}' || byte == '>' || byte == ')';
  if (isBracket || classOf(byte) == BRACKET) r->brackets = (r->brackets * 31 + byte) & 0xfff;
}

INLINE void endLine(Registers *r, uint32_t next) {
  r->firstWord = r->brackets = r->lineBeginning = 0;
  r->lineAbove = r->line;
  r->line = next;
  for (int i = 0; i < FIELDS; i++) {
    r->fieldsAbove[i] = r->fields[i];
    r->fields[i] = 0;
  }
  r->field = r->fieldText = 0;
  r->fieldBegan = r->fields[0] = next;
}

INLINE int separatesFields(uint32_t byte) {
  return byte == ',' || byte == '\t' || byte == ';' || byte == '|' || byte == '"' || byte == ':' || byte == '=';
}

INLINE uint32_t fieldSlot(uint32_t field) { return field < FIELDS - 1 ? field : FIELDS - 1; }

/** `next` is the position behind the byte. */
INLINE void readLine(Registers *r, uint32_t byte, uint32_t next) {
  if (byte == '\n') {
    endLine(r, next);
    return;
  }
  if (next - r->line <= 3) r->lineBeginning = mixHash(r->lineBeginning, byte);
  if (separatesFields(byte)) {
    r->field++;
    r->fieldText = 0;
    r->fieldBegan = r->fields[fieldSlot(r->field)] = next;
  } else {
    r->fieldText = mixHash(r->fieldText, byte);
  }
}

/** What followed the last byte, the last two bytes and the last word when they came before. */
typedef struct {
  uint32_t *ofByte, *ofPair, *ofWord;
} Followers;

enum { BYTES = 256 };

INLINE Followers followersOf(Model m) {
  const int bits = m.plan->indirectBits;
  const uint32_t pair = m.registers->last4 & 0xffff;
  return (Followers){m.indirect + (pair & 255), m.indirect + BYTES + tableIndex(pair, bits),
                     m.indirect + BYTES + (1 << bits) + tableIndex(m.registers->word1, bits)};
}

/** Takes a byte in. */
ONCE void readByte(const Model *m, uint32_t byte) {
  Registers *r = m->registers;
  const uint32_t before = r->last4 & 255;
  const uint32_t lower = isBetween(byte, 'A', 'Z') ? byte + 32 : byte;
  const Followers followers = followersOf(*m);
  *followers.ofByte = *followers.ofByte << 8 | byte;
  *followers.ofPair = *followers.ofPair << 8 | byte;
  m->history[r->position & ((1u << m->plan->historyBits) - 1)] = byte;
  r->position++;
  r->last12 = r->last12 << 8 | r->last8 >> 24;
  r->last8 = r->last8 << 8 | r->last4 >> 24;
  r->last4 = r->last4 << 8 | byte;
  r->folded8 = r->folded8 << 8 | r->folded4 >> 24;
  r->folded4 = r->folded4 << 8 | (classOf(byte) == DIGIT ? '0' : lower);
  r->classes = r->classes << 3 | classOf(byte);
  readWord(r, byte, lower, followers.ofWord);
  readMarkup(r, byte, before);
  readLine(r, byte, r->position);
}
