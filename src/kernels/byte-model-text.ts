/** What the model remembers of the text before the next byte. The twin of `byte-model-text.h`. */
import { type Model, mixHash, tableIndex } from './byte-model-arithmetic.js';
import { BYTES, FIELDS, FIELDS_ABOVE_AT, FIELDS_AT, Register as R } from './byte-model-memory.js';

const code = (character: string): number => character.charCodeAt(0);
const codes = (characters: string): ReadonlySet<number> => new Set(Array.from(characters, code));

const NEWLINE = code('\n');
const PUNCTUATION_BYTES = codes('.,;:!?');
const BRACKET_BYTES = codes('[{<(|=');
const CLOSING_BYTES = codes(']}>)');
const FIELD_SEPARATORS = codes(',\t;|":=');
const FORGETTING_BYTES = codes('[{<(>|"&\n');

const Class = { other: 0, letter: 1, capital: 2, digit: 3, space: 4, newline: 5, punctuation: 6, bracket: 7 };

const isBetween = (byte: number, from: string, to: string): boolean => byte >= code(from) && byte <= code(to);

export function classOf(byte: number): number {
  if (isBetween(byte, 'a', 'z') || byte >= 128) return Class.letter;
  if (isBetween(byte, 'A', 'Z')) return Class.capital;
  if (isBetween(byte, '0', '9')) return Class.digit;
  if (byte === code(' ')) return Class.space;
  if (byte === NEWLINE) return Class.newline;
  if (PUNCTUATION_BYTES.has(byte)) return Class.punctuation;
  return BRACKET_BYTES.has(byte) ? Class.bracket : Class.other;
}

function endWord(r: Uint32Array): void {
  r[R.word3] = r[R.word2]!;
  r[R.word2] = r[R.word1]!;
  r[R.word1] = r[R.word]!;
  r[R.stem2] = r[R.stem1]!;
  r[R.stem1] = r[R.stem]!;
  r[R.suffix1] = r[R.suffix]!;
  r[R.wordLength1] = r[R.wordLength]!;
  if (r[R.capitalized] !== 0) r[R.lastCapitalized] = r[R.word]!;
  if (r[R.firstWord] === 0) r[R.firstWord] = r[R.word]!;
  for (const register of [R.word, R.wordLength, R.separator, R.between]) r[register] = 0;
}

function readWord({ registers: r, indirect }: Model, byte: number, lower: number, follower: number): void {
  if (!isBetween(lower, 'a', 'z') && byte < 128) {
    if (r[R.word] !== 0) {
      indirect[follower] = r[R.word]!;
      endWord(r);
    }
    r[R.separator] = mixHash(r[R.between]!, byte);
    r[R.between] = r[R.separator]!;
    return;
  }
  if (r[R.word] === 0) {
    r[R.separator1] = r[R.separator]!;
    r[R.separator] = r[R.between]!;
    r[R.capitalized] = byte === lower ? 0 : 1;
    for (const register of [R.between, R.wordLength, R.stem, R.suffix]) r[register] = 0;
  }
  r[R.word] = mixHash(r[R.word]!, lower + 77);
  r[R.wordLength]!++;
  if (r[R.wordLength]! <= 4) r[R.stem] = r[R.word]!;
  r[R.suffix] = ((r[R.suffix]! << 8) | lower) & 0xffffff;
}

const Markup = {
  none: 0,
  bracket: 1,
  link: 2,
  brace: 3,
  tag: 4,
  parenthesis: 5,
  linkText: 6,
  emphasis: 7,
  heading: 8,
  quote: 9,
  entity: 10,
  list: 11,
};

/** The markup state after a byte; `before` is the byte before it. */
function markupAfter(markup: number, byte: number, before: number): number {
  const again = before === byte;
  switch (String.fromCharCode(byte)) {
    case '[':
      return again ? Markup.link : Markup.bracket;
    case '{':
      return Markup.brace;
    case '<':
      return Markup.tag;
    case '(':
      return Markup.parenthesis;
    case ']':
    case '}':
    case '>':
    case ')':
    case '\n':
      return Markup.none;
    case '|':
      return markup === Markup.link ? Markup.linkText : markup;
    case "'":
      if (!again) return markup;
      return markup === Markup.emphasis ? Markup.none : Markup.emphasis;
    case '=':
      return again ? Markup.heading : markup;
    case '"':
      return markup === Markup.quote ? Markup.none : Markup.quote;
    case '&':
      return Markup.entity;
    case ';':
      return markup === Markup.entity ? Markup.none : markup;
    case '*':
      return before === NEWLINE ? Markup.list : markup;
    default:
      return markup;
  }
}

const forgetsText = (byte: number, before: number): boolean =>
  FORGETTING_BYTES.has(byte) || ((byte === code("'") || byte === code('=')) && before === byte);

function readMarkup(r: Uint32Array, byte: number, before: number): void {
  if (byte === code('>') && r[R.inTag] !== 0) {
    r[R.tag] = r[R.openTag]!;
    r[R.inTag] = 0;
  }
  if (byte === code('<')) {
    r[R.openTag] = 0;
    r[R.inTag] = 1;
  }
  r[R.markup] = markupAfter(r[R.markup]!, byte, before);
  if (forgetsText(byte, before)) r[R.markupText] = 0;
  r[R.markupText] = mixHash(r[R.markupText]!, byte + r[R.markup]! * 256);
  if (r[R.inTag] !== 0) r[R.openTag] = mixHash(r[R.openTag]!, byte);
  if (CLOSING_BYTES.has(byte) || BRACKET_BYTES.has(byte)) {
    r[R.brackets] = (r[R.brackets]! * 31 + byte) & 0xfff;
  }
}

function endLine(r: Uint32Array, next: number): void {
  for (const register of [R.firstWord, R.brackets, R.lineBeginning, R.field, R.fieldText]) r[register] = 0;
  r[R.lineAbove] = r[R.line]!;
  r[R.line] = next;
  r.copyWithin(FIELDS_ABOVE_AT, FIELDS_AT, FIELDS_AT + FIELDS);
  r.fill(0, FIELDS_AT, FIELDS_AT + FIELDS);
  r[R.fieldBegan] = next;
  r[FIELDS_AT] = next;
}

/** Which of the remembered fields a field is: all from the 64th on are one. */
export const fieldSlot = (field: number): number => Math.min(field, FIELDS - 1);

/** `next` is the position behind the byte. */
function readLine(r: Uint32Array, byte: number, next: number): void {
  if (byte === NEWLINE) {
    endLine(r, next);
    return;
  }
  if ((next - r[R.line]!) >>> 0 <= 3) r[R.lineBeginning] = mixHash(r[R.lineBeginning]!, byte);
  if (FIELD_SEPARATORS.has(byte)) {
    r[R.field]!++;
    r[R.fieldText] = 0;
    r[R.fieldBegan] = next;
    r[FIELDS_AT + fieldSlot(r[R.field]!)] = next;
  } else {
    r[R.fieldText] = mixHash(r[R.fieldText]!, byte);
  }
}

/** Where it is kept what followed the last byte, the last two bytes and the last word when they came before. */
export function followersOf({ registers: r, plan }: Model) {
  const pair = r[R.last4]! & 0xffff;
  return {
    ofByte: pair & 255,
    ofPair: BYTES + tableIndex(pair, plan.indirectBits),
    ofWord: BYTES + 2 ** plan.indirectBits + tableIndex(r[R.word1]!, plan.indirectBits),
  };
}

/** Takes a byte in. */
export function readByte(m: Model, byte: number): void {
  const { registers: r, indirect, history, plan } = m;
  const before = r[R.last4]! & 255;
  const lower = isBetween(byte, 'A', 'Z') ? byte + 32 : byte;
  const followers = followersOf(m);
  indirect[followers.ofByte] = (indirect[followers.ofByte]! << 8) | byte;
  indirect[followers.ofPair] = (indirect[followers.ofPair]! << 8) | byte;
  history[r[R.position]! & (2 ** plan.historyBits - 1)] = byte;
  r[R.position]!++;
  r[R.last12] = (r[R.last12]! << 8) | (r[R.last8]! >>> 24);
  r[R.last8] = (r[R.last8]! << 8) | (r[R.last4]! >>> 24);
  r[R.last4] = (r[R.last4]! << 8) | byte;
  r[R.folded8] = (r[R.folded8]! << 8) | (r[R.folded4]! >>> 24);
  r[R.folded4] = (r[R.folded4]! << 8) | (classOf(byte) === Class.digit ? code('0') : lower);
  r[R.classes] = (r[R.classes]! << 3) | classOf(byte);
  readWord(m, byte, lower, followers.ofWord);
  readMarkup(r, byte, before);
  readLine(r, byte, r[R.position]!);
}
