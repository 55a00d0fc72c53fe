/**
 * Compresses rows of bytes: each byte is predicted by an online state-space model and n-gram contexts, mixed, and coded.
 *
 *   code length = sum over the bits of -log2 p(bit | all bytes before)
 *
 * In      bytes       Binary or Utf8      the rows end to end are one stream of bytes; where they were cut is not kept
 * Out     compressed  Binary              header, frames and end as rows; they appear when a frame is full, and at the end
 * State   models, the frame on its way    known before the first row: `stateBytes`, about 0.4 GB at the default level
 * Cost    O(1) per byte                   each byte is coded when it arrives; no growth with stream length
 * Error   none: `inverse()` gives the same bytes back
 * Nulls   an error that names the row
 * Format  FORMAT.md                       Worst case  19 bytes a frame and 40 in all more than the input
 * Differs StateSMix: bytes instead of tokens, bit by bit, any bytes, the same code on every machine
 * Source  Mahoney, Adaptive weighing of context models, 2005; Gu and Dao, Mamba, 2023, arXiv:2312.00752
 */
import { defineOperator } from '../../src/define-operator.js';
import type { ArrayTypes, Views } from '../../src/layout.js';
import { binary } from '../../src/row-types.js';
import { byteModelKernels, modelConstants, modelSlots } from './byte-model.js';
import { encodeEnd, encodeFrame, encodeHeader } from './container.js';
import { decompress } from './decompress.js';
import { FrameWriter, writerSlots } from './frame-writer.js';
import { byteModel, type ModelConstants, type ModelKernels, type ModelSlots } from './model-at-work.js';
import {
  checkParameters,
  decoderBytes,
  encodeParameters,
  fingerprint,
  type StreamParameters,
} from './parameters.js';
import { joinRows } from './rows-of-bytes.js';

export interface CompressOptions {
  /** 1 (fastest) … 9 (smallest), default 5: README.md has what each takes and gives. */
  readonly level?: number;
  /**
   * Models that blocks of `frameBytes` are dealt to in turns, 1 … 64 (default 1). Each stream can be coded by a thread of
   * its own, but has seen only its own blocks: more streams, larger output, and that many times the memory.
   */
  readonly streams?: number;
  /**
   * A frame ends at each multiple of so many bytes of the input, 64 … 2^24; output appears a
   * frame at a time. Default 2^20, with several streams 2^18.
   */
  readonly frameBytes?: number;
  /** Every hash table is 2^tableShift smaller, 0 … 14 (default 0): less memory for short inputs. */
  readonly tableShift?: number;
  /** The halves of the model that predict: 'both' (default), 'ngrams' or 'ssm'. */
  readonly parts?: 'both' | 'ngrams' | 'ssm';
}

export const compress = defineOperator({
  name: 'compress',
  version: 1,
  summary: 'compresses rows of bytes with an online model; the inverse decompresses',
  options: {
    level: '1 (fastest) … 9 (smallest), default 5',
    streams: 'models that blocks are dealt to in turns, 1 … 64 (default 1)',
    frameBytes: 'a frame ends at each multiple of so many bytes, 64 … 2^24 (default 2^20, with streams 2^18)',
    tableShift: 'hash tables are 2^tableShift smaller, 0 … 14 (default 0)',
    parts: "what predicts: 'both' (default), 'ngrams' or 'ssm'",
  },
  check: (options: CompressOptions) => checkParameters(options),
  kernels: byteModelKernels,
  inputs: () => ({ bytes: binary() }),
  outputs: () => ({ compressed: binary() }),
  layout: (options) => ({ ...writerSlots(options), ...streamSlots(options) }),
  constants: (options) => modelConstants(options),
  emits: 'batches',
  step(context, { numRows, bytes }) {
    const rows: Uint8Array[] = [];
    const writer = writerOf(context);
    const { offsets, values } = bytes;
    for (let t = 0; t < numRows; t++) {
      writer.write(values, offsets[t]!, offsets[t + 1]!, (frame) => {
        if (writer.totals.frames === 1) rows.push(headerOf(context.options));
        rows.push(encodeFrame(frame));
      });
    }
    if (rows.length > 0) context.emit({ compressed: joinRows(rows) }, rows.length);
  },
  flush(context) {
    const writer = writerOf(context);
    const rows: Uint8Array[] = writer.totals.frames === 0 ? [headerOf(context.options)] : [];
    writer.finish((frame) => rows.push(encodeFrame(frame)));
    rows.push(encodeEnd(writer.totals));
    context.emit({ compressed: joinRows(rows) }, rows.length);
  },
  inverse: (options) => decompress({ maxMemoryBytes: decoderBytes(options) }),
  tolerance: 0,
  examples: [
    { level: 1, tableShift: 14, frameBytes: 100 },
    { level: 1, tableShift: 14, frameBytes: 64, streams: 3 },
  ],
  skipLaws: { oracle: 'the code is held to that of the TypeScript twin, and to the golden file' },
});

/** The header of a stream of bytes. */
export const headerOf = (parameters: StreamParameters): Uint8Array =>
  encodeHeader({
    content: 'bytes',
    fingerprint: fingerprint(parameters),
    parameters: encodeParameters(parameters),
  });

/** The slots of the first stream's model by their names, those of the others with their number behind. */
function streamSlots(parameters: StreamParameters): ModelSlots {
  const slots: ArrayTypes = modelSlots(parameters);
  const others = Array.from({ length: parameters.streams - 1 }, (_, i) =>
    Object.entries(slots).map(([name, type]) => [nameIn(i + 1, name), type] as const),
  );
  return { ...slots, ...Object.fromEntries(others.flat()) } as ModelSlots;
}

const nameIn = (stream: number, name: string) => (stream === 0 ? name : `${name}:${stream}`);

interface Context {
  readonly options: StreamParameters;
  readonly state: Views<ModelSlots & ReturnType<typeof writerSlots>>;
  readonly constants: ModelConstants;
  readonly kernels: ModelKernels;
}

function writerOf({ options, state, constants, kernels }: Context): FrameWriter {
  const names = Object.keys(modelSlots(options)) as (keyof ModelSlots)[];
  const slots = state as Readonly<Record<string, unknown>>;
  return new FrameWriter(options, state, (stream) => {
    const own = Object.fromEntries(names.map((name) => [name, slots[nameIn(stream, name)]]));
    return byteModel(own as Views<ModelSlots>, constants, kernels);
  });
}
