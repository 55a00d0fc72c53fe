/**
 * Hash embedding: text as a vector of one length, by hashing its words or n-grams. Nothing is learned or kept.
 *
 *   e_t[h(w) mod dim] += s(w)              for each token w of row t
 *   s(w) = +1, or -1 where `signed` and the top bit of h(w) is set
 *   embedding_t = e_t / |e_t|              0 where the text has no token, or where its tokens cancel
 *
 * h is MurmurHash3_x86_32 of a token's UTF-8 bytes with the seed. A word is a longest run of ASCII letters, digits and bytes of
 * 0x80 and above (so of letters beyond ASCII); an n-gram is a run of n bytes anywhere in the text. A to Z count as a to z unless
 * `caseSensitive`.
 *
 * In      text  Utf8, plain or dictionary-encoded
 * Out     embedding  FixedSizeList<Float32>[dim]
 * State   none
 * Cost    O(bytes) for words, O(bytes n) for n-grams, and O(dim) a row
 * Error   vs naive: relative RMSE <= 1e-6; counts are exact, the length's root is rounded to float32
 * Nulls   refused
 * Differs sign and place come from one hash, as in scikit-learn's HashingVectorizer, and not from two
 * Source  Weinberger, Dasgupta, Langford, Smola, Attenberg, Feature Hashing for Large Scale Multitask Learning, 2009,
 *         arXiv 0902.2206
 */
import { defineOperator } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { f32 } from '../../src/layout.js';
import { integer, truth } from '../../src/options.js';
import { utf8 } from '../../src/row-types.js';
import { murmur3 } from './murmur3.js';

export interface HashEmbedOptions {
  /** The length of the vectors, 1 … 65,536. */
  readonly dim: number;
  /** The seed of the hash, 0 … 2^32 − 1 (default 0). */
  readonly seed?: number;
  /** Hash words (default true where no n-grams are asked for). */
  readonly words?: boolean;
  /** Hash runs of bytes: the lengths, shortest and longest, 1 … 16, such as [3, 5]. */
  readonly ngrams?: readonly [number, number];
  /** Whether half of the tokens count negatively, so that those that share a place cancel on average (default true). */
  readonly signed?: boolean;
  /** Whether A to Z differ from a to z (default false). */
  readonly caseSensitive?: boolean;
}

/** Makes a vector of text. Errors: OPTION_RANGE, and those of reading a column of text. */
export const hashEmbed = defineOperator({
  name: 'hashEmbed',
  version: 1,
  summary: 'text as a vector of one length, by hashing its words or n-grams',
  options: {
    dim: 'the length of the vectors, 1 … 65,536',
    seed: 'the seed of the hash, 0 … 2^32 − 1 (default 0)',
    words: 'hash words (default true where no n-grams are asked for)',
    ngrams: 'hash runs of bytes: shortest and longest, 1 … 16, such as [3, 5]',
    signed: 'whether half of the tokens count negatively (default true)',
    caseSensitive: 'whether A to Z differ from a to z (default false)',
  },
  check(options: HashEmbedOptions) {
    const { ngrams, signed = true, caseSensitive = false } = options;
    const words = truth({ words: options.words ?? ngrams === undefined });
    if (!words && ngrams === undefined)
      throw optionRange('', 'words', 'true where there are no ngrams', words);
    return {
      dim: integer({ dim: options.dim }, 1, 65_536),
      seed: integer({ seed: options.seed ?? 0 }, 0, 2 ** 32 - 1),
      words,
      signed: truth({ signed }),
      caseSensitive: truth({ caseSensitive }),
      ngrams: ngrams === undefined ? undefined : lengths(ngrams),
    };
  },
  inputs: () => ({ text: utf8() }),
  outputs: ({ dim }) => ({ embedding: f32(dim) }),
  constants: ({ caseSensitive }) => ({ folded: folding(caseSensitive), isLetter: letters() }),
  step({ options, constants: { folded, isLetter } }, { numRows, text, embedding }) {
    const { dim, seed, words, ngrams, signed } = options;
    const { offsets, values } = text;
    const bytes = new Uint8Array(offsets[numRows]! - offsets[0]!);
    for (let i = 0; i < bytes.length; i++) bytes[i] = folded[values[offsets[0]! + i]!]!;
    embedding.fill(0, 0, numRows * dim);
    const add = (row: number, from: number, to: number) => {
      const hash = murmur3(bytes, from, to, seed);
      embedding[row * dim + (hash % dim)]! += signed && hash >= 2 ** 31 ? -1 : 1;
    };
    for (let t = 0; t < numRows; t++) {
      const from = offsets[t]! - offsets[0]!;
      const to = offsets[t + 1]! - offsets[0]!;
      if (words) eachWord(bytes, from, to, isLetter, t, add);
      for (let n = ngrams?.[0] ?? 1; n <= (ngrams?.[1] ?? 0); n++) {
        for (let i = from; i + n <= to; i++) add(t, i, i + n);
      }
      normalize(embedding, t * dim, dim);
    }
  },
  tolerance: 1e-6,
  examples: [{ dim: 16 }, { dim: 7, seed: 99, ngrams: [2, 3], signed: false, caseSensitive: true }],
});

function lengths(ngrams: unknown): readonly [number, number] {
  if (!Array.isArray(ngrams) || ngrams.length !== 2) {
    throw optionRange('', 'ngrams', 'two lengths, such as [3, 5]', ngrams);
  }
  const shortest = integer({ 'ngrams[0]': ngrams[0] }, 1, 16);
  return [shortest, integer({ 'ngrams[1]': ngrams[1] }, shortest, 16)];
}

/** What each byte counts as. */
const folding = (caseSensitive: boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) =>
    !caseSensitive && byte >= 65 && byte <= 90 ? byte + 32 : byte,
  );

/** Which bytes words are made of. */
const letters = (): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) =>
    Number(byte >= 128 || /[0-9A-Za-z]/.test(String.fromCharCode(byte))),
  );

function eachWord(
  bytes: Uint8Array,
  from: number,
  to: number,
  isLetter: Uint8Array,
  row: number,
  add: (row: number, from: number, to: number) => void,
): void {
  for (let i = from; i < to; ) {
    const start = i;
    while (i < to && isLetter[bytes[i]!]) i++;
    if (i > start) add(row, start, i);
    else i++;
  }
}

/** Scales n numbers from `at` on to length 1; leaves zeros. */
function normalize(values: Float32Array, at: number, n: number): void {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[at + i]! ** 2;
  if (sum === 0) return;
  const length = Math.sqrt(sum);
  for (let i = 0; i < n; i++) values[at + i]! /= length;
}
