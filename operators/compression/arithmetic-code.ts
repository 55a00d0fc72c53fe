/**
 * Arithmetic coding of symbols: each costs -log2 of its probability, to a few bits over the whole stream.
 *
 *   [low, high) <- [low + range c(s) / total, low + range c(s + 1) / total),  c the cumulative frequencies
 *
 * In      symbol  Int32   0 … V - 1          cdf  FixedSizeList<Int32>[V + 1]   only where frequencies are given
 * Out     code    Binary  the code's bytes, in rows of 4096 as they become certain, the rest at the end
 * State   the interval, counts, bytes that wait   8 V + 4200 bytes
 * Cost    O(V) per symbol, no growth with stream length
 * Error   none: `inverse()` gives the same symbols back; it has no checksum, so damage may decode to other symbols
 * Nulls   an error that names the row
 * Differs no known difference: given the same frequencies, the bytes are those of StateSMix's coder
 * Source  Witten, Neal, Cleary, Arithmetic Coding for Data Compression, 1987
 */
import { defineOperator } from '../../src/define-operator.js';
import { outOfDomain } from '../../src/errors.js';
import { f64, i32, u8 } from '../../src/layout.js';
import { binary } from '../../src/row-types.js';
import { countSymbol, frequencySlots, partOf } from './adaptive-frequencies.js';
import {
  ENCODER_NUMBERS,
  encodeSymbol,
  finishEncoder,
  MOST_TOTAL,
  startEncoder,
} from './arithmetic-coder.js';
import { arithmeticDecode } from './arithmetic-decode.js';
import { arithmeticOptions, cdfColumn, checkArithmetic } from './arithmetic-options.js';
import { joinRows } from './rows-of-bytes.js';

const ROW_BYTES = 4096;

export const arithmeticCode = defineOperator({
  name: 'arithmeticCode',
  version: 1,
  summary: 'arithmetic coding of symbols by counted or given frequencies',
  options: arithmeticOptions,
  check: checkArithmetic,
  inputs: (options) => ({ symbol: i32(), ...cdfColumn(options) }),
  outputs: () => ({ code: binary() }),
  layout: ({ symbols, frequencies }) => ({
    coder: f64(ENCODER_NUMBERS),
    started: i32(1),
    ...frequencySlots(symbols, frequencies),
    waiting: u8(ROW_BYTES),
    waits: i32(1),
  }),
  emits: 'batches',
  step({ options: { symbols: V, frequencies }, state, emit }, { numRows, symbol, cdf }) {
    const rows: Uint8Array[] = [];
    const put = start(state, rows);
    for (let t = 0; t < numRows; t++) {
      const s = symbol[t]!;
      if (!(s >= 0 && s < V)) throw outOfDomain('arithmeticCode', 'symbol', t, `0 … ${V - 1}`, `${s}`);
      if (frequencies === 'given') {
        const at = t * (V + 1);
        const [from, to, total] = [cdf[at + s]!, cdf[at + s + 1]!, cdf[at + V]!];
        if (!(0 <= from && from < to && to <= total && total <= MOST_TOTAL)) {
          const expected = `frequencies from 0 to at most ${MOST_TOTAL}, that of the symbol above 0`;
          throw outOfDomain('arithmeticCode', 'cdf', t, expected, `${from} … ${to} of ${total}`);
        }
        encodeSymbol(state.coder, from, to, total, put);
      } else {
        encodeSymbol(state.coder, ...partOf(state.counts, s), put);
        countSymbol(state.counts, s);
      }
    }
    if (rows.length > 0) emit({ code: joinRows(rows) }, rows.length);
  },
  flush({ options: { symbols: V, frequencies }, state, emit }) {
    const rows: Uint8Array[] = [];
    const put = start(state, rows);
    if (frequencies === 'counted') encodeSymbol(state.coder, ...partOf(state.counts, V), put);
    finishEncoder(state.coder, put);
    if (state.waits[0]! > 0) rows.push(state.waiting.slice(0, state.waits[0]));
    emit({ code: joinRows(rows) }, rows.length);
  },
  inverse: (options) => arithmeticDecode(options),
  tolerance: 0,
  examples: [{ symbols: 10 }],
  skipLaws: { oracle: 'the code is held to that of a public reference, byte by byte' },
});

interface Coding {
  readonly coder: Float64Array;
  readonly started: Int32Array;
  readonly waiting: Uint8Array;
  readonly waits: Int32Array;
}

/** What takes the code's bytes: they wait until they fill a row. */
function start({ coder, started, waiting, waits }: Coding, rows: Uint8Array[]): (byte: number) => void {
  if (started[0] === 0) startEncoder(coder);
  started[0] = 1;
  return (byte) => {
    waiting[waits[0]!++] = byte;
    if (waits[0]! < ROW_BYTES) return;
    rows.push(waiting.slice());
    waits[0] = 0;
  };
}
