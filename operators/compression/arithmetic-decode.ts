/**
 * Decodes what `arithmeticCode` coded.
 *
 *   s with c(s) <= ((value - low + 1) total - 1) / range < c(s + 1), then as the coder
 *
 * In      code    Binary  the rows end to end are the code       cdf  FixedSizeList<Int32>[V + 1]   only where frequencies are given
 * Out     symbol  Int32   counted: as soon as the code is certain of them; given: one for each row of `cdf`
 * State   the interval, counts, code bytes that wait   8 V + pendingBytes
 * Cost    O(V) per symbol, no growth with stream length
 * Error   none; a code that ends too early is TRUNCATED_INPUT, one that goes on behind its end CORRUPT_INPUT
 * Nulls   an error that names the row
 * Differs no known difference
 * Source  Witten, Neal, Cleary, Arithmetic Coding for Data Compression, 1987
 *
 * Where frequencies are given, row t may need the code up to some bytes behind its symbol: the code must be there by then,
 * in the first row for example.
 */
import { defineOperator } from '../../src/define-operator.js';
import { corruptInput, limitExceeded, outOfDomain, truncatedInput } from '../../src/errors.js';
import { f64, i32, u8 } from '../../src/layout.js';
import { integer } from '../../src/options.js';
import { binary } from '../../src/row-types.js';
import { countSymbol, frequencySlots, partOf, symbolAt, totalOf } from './adaptive-frequencies.js';
import {
  bitsRead,
  DECODER_NUMBERS,
  decodeSymbol,
  decodeTarget,
  MOST_TOTAL,
  startDecoder,
  WINDOW_BITS,
} from './arithmetic-coder.js';
import {
  type ArithmeticCodeOptions,
  arithmeticOptions,
  cdfColumn,
  checkArithmetic,
} from './arithmetic-options.js';

export interface ArithmeticDecodeOptions extends ArithmeticCodeOptions {
  /** Most bytes of code that may wait for their rows where frequencies are given, 64 … 2^30 (default 65536). */
  readonly pendingBytes?: number;
}

const WHO = 'arithmeticDecode';

export const arithmeticDecode = defineOperator({
  name: WHO,
  version: 1,
  summary: 'decodes what arithmeticCode coded',
  options: { ...arithmeticOptions, pendingBytes: 'code bytes that may wait, 64 … 2^30 (default 65536)' },
  check: (options: ArithmeticDecodeOptions) => ({
    ...checkArithmetic(options),
    pendingBytes: integer({ pendingBytes: options.pendingBytes ?? 65_536 }, 64, 2 ** 30),
  }),
  inputs: (options) => ({ code: binary(), ...cdfColumn(options) }),
  outputs: () => ({ symbol: i32() }),
  layout: ({ symbols, frequencies, pendingBytes }) => ({
    coder: f64(DECODER_NUMBERS),
    ...frequencySlots(symbols, frequencies),
    pending: u8(pendingBytes),
    arrived: f64(1),
    ended: i32(1),
  }),
  emits: 'batches',
  step({ options: { symbols: V, frequencies }, state, emit }, { numRows, code, cdf }) {
    const { offsets, values } = code;
    const symbols: number[] = [];
    for (let t = 0; t < numRows; t++) {
      for (let i = offsets[t]!; i < offsets[t + 1]!; i++) {
        take(state, values[i]!);
        if (frequencies === 'counted') decodeCounted(state, V, symbols, false);
      }
      if (frequencies === 'given') symbols.push(decodeGiven(state, cdf, V, t));
    }
    if (symbols.length > 0) emit({ symbol: Int32Array.from(symbols) }, symbols.length);
  },
  flush({ options: { symbols: V, frequencies }, state, emit }) {
    const symbols: number[] = [];
    if (frequencies === 'counted') decodeCounted(state, V, symbols, true);
    if (symbols.length > 0) emit({ symbol: Int32Array.from(symbols) }, symbols.length);
  },
  tolerance: 0,
  examples: [{ symbols: 10 }],
  skipLaws: Object.fromEntries(
    (['oracle', 'chunk', 'resume', 'isolation', 'bound', 'poison', 'edges', 'seed'] as const).map((law) => [
      law,
      'bytes at random are no code that ends: it is held to arithmeticCode by the law of inverses',
    ]),
  ),
});

interface Decoding {
  readonly coder: Float64Array;
  readonly counts: Float64Array;
  /** The newest bytes of the code, each at its place modulo the length. */
  readonly pending: Uint8Array;
  readonly arrived: Float64Array;
  readonly ended: Int32Array;
}

/** Keeps a byte of the code until it has been read. */
function take({ coder, pending, arrived, ended }: Decoding, byte: number): void {
  if (ended[0] === 1) throw corruptInput(WHO, 'code', 'nothing behind its end', 'more bytes');
  const read = bitsRead(coder);
  if (read > 8 * arrived[0]!)
    throw corruptInput(WHO, 'code', 'each byte by the row that needs it', 'it later');
  if (arrived[0]! - Math.floor(read / 8) >= pending.length) {
    throw limitExceeded(WHO, 'pendingBytes', pending.length, 'Bring the code closer to its rows.');
  }
  pending[arrived[0]! % pending.length] = byte;
  arrived[0]!++;
}

/** Reads bits, and zeros behind the end of the code as far as a decoder looks ahead of its symbols. */
const bitsOf =
  ({ pending, arrived }: Decoding) =>
  (place: number): number => {
    const byte = Math.floor(place / 8);
    if (byte < arrived[0]!) return (pending[byte % pending.length]! >> (7 - (place % 8))) & 1;
    if (place < 8 * arrived[0]! + WINDOW_BITS) return 0;
    throw truncatedInput(WHO, 'code', 'bits for every symbol', `${arrived[0]} bytes`);
  };

/** Decodes what is certain; at the end, all. */
function decodeCounted(state: Decoding, V: number, symbols: number[], isEnd: boolean): void {
  const { coder, counts, arrived, ended } = state;
  const bitAt = bitsOf(state);
  while (ended[0] === 0) {
    const ahead = 8 * arrived[0]! - bitsRead(coder);
    if (!isEnd && ahead < WINDOW_BITS) return;
    if (bitsRead(coder) === 0) {
      startDecoder(coder, bitAt);
      continue;
    }
    const symbol = symbolAt(counts, decodeTarget(coder, totalOf(counts)));
    decodeSymbol(coder, ...partOf(counts, symbol), bitAt);
    countSymbol(counts, symbol);
    if (symbol < V) symbols.push(symbol);
    else ended[0] = 1;
  }
  // The coder ends a code with two bits more than its symbols shifted out.
  const needed = Math.ceil((bitsRead(coder) - WINDOW_BITS + 2) / 8);
  if (arrived[0]! > needed) throw corruptInput(WHO, 'code', `${needed} bytes`, `${arrived[0]}`);
}

function decodeGiven(state: Decoding, cdf: Int32Array, V: number, t: number): number {
  const { coder } = state;
  const bitAt = bitsOf(state);
  if (bitsRead(coder) === 0) startDecoder(coder, bitAt);
  const row = cdf.subarray(t * (V + 1), (t + 1) * (V + 1));
  const total = row[V]!;
  const target = total > 0 && total <= MOST_TOTAL ? decodeTarget(coder, total) : -1;
  const symbol = row.findIndex((from, s) => from <= target && target < (row[s + 1] ?? 0));
  if (symbol < 0) {
    const expected = `frequencies that rise from 0 to at most ${MOST_TOTAL}`;
    throw outOfDomain(WHO, 'cdf', t, expected, `a total of ${total}`);
  }
  decodeSymbol(coder, row[symbol]!, row[symbol + 1]!, total, bitAt);
  return symbol;
}
