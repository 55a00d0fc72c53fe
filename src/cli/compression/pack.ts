/**
 * Bytes to compressed bytes and back over threads: blocks and frames are dealt to lanes, and come together in order.
 */
import { headerOf } from '../../../operators/compression/compress.js';
import {
  encodeEnd,
  encodeFrame,
  type Frame,
  type Header,
  NO_TOTALS,
  type Totals,
  withFrame,
} from '../../../operators/compression/container.js';
import { ContainerReader } from '../../../operators/compression/container-reader.js';
import {
  acceptHeader,
  type DecompressorOptions,
  refuseLongFrame,
  refuseOtherBytes,
} from '../../../operators/compression/decompressor.js';
import { type StreamParameters, streamAt } from '../../../operators/compression/parameters.js';
import { crc32c } from '../../checksum.js';
import { blocksOf, inOrder } from './blocks.js';
import { Lanes, type Threads } from './lanes.js';

type Bytes = AsyncIterable<Uint8Array>;

/** Blocks and frames that may wait for each stream, so that none runs dry. */
const AHEAD = 2;

/** The compressed bytes of `input`: the same as those of the operator, however many threads there are. */
export async function* packed(
  input: Bytes,
  parameters: StreamParameters,
  threads: Threads,
): AsyncGenerator<Uint8Array> {
  const lanes = new Lanes(parameters, threads);
  let totals: Totals = NO_TOTALS;
  try {
    yield headerOf(parameters);
    let rawBytes = 0;
    const coded = inOrder(
      () => AHEAD * parameters.streams,
      blocksOf(input, parameters.frameBytes),
      (block) => {
        const frames = lanes.encode(streamAt(parameters, rawBytes), block);
        rawBytes += block.length;
        return frames.then((frames) => ({ block, frames }));
      },
    );
    for await (const { block, frames } of coded) {
      let from = 0;
      for (const frame of frames) {
        const raw = block.subarray(from, from + frame.rawLength);
        const placed: Frame = { ...frame, checksum: crc32c(raw, totals.checksum) };
        yield encodeFrame(placed);
        totals = withFrame(totals, placed);
        from += frame.rawLength;
      }
    }
    yield encodeEnd(totals);
  } finally {
    await lanes.close();
  }
}

/** What `input` was compressed from, each piece once it has been checked. */
export async function* unpacked(
  who: string,
  input: Bytes,
  options: DecompressorOptions,
  threads: Threads,
): AsyncGenerator<Uint8Array> {
  let lanes: Lanes | undefined;
  let parameters: StreamParameters | undefined;
  try {
    const frames = framesOf(who, input, (header) => {
      parameters = acceptHeader(who, header, options);
      lanes = new Lanes(parameters, threads);
      return parameters;
    });
    const ahead = () => AHEAD * parameters!.streams;
    const decoded = inOrder(ahead, frames, ({ before, frame }) =>
      lanes!.decode(streamAt(parameters!, before.rawBytes), frame).then((raw) => ({ before, frame, raw })),
    );
    for await (const { before, frame, raw } of decoded) {
      refuseOtherBytes(who, before, frame, raw);
      yield raw;
    }
  } finally {
    await lanes?.close();
  }
}

/** The frames of a container, each with the totals before it; `accept` gives what the header says. */
async function* framesOf(
  who: string,
  input: Bytes,
  accept: (header: Header) => StreamParameters,
): AsyncGenerator<{ readonly before: Totals; readonly frame: Frame }> {
  const reader = new ContainerReader(who);
  let parameters: StreamParameters | undefined;
  for await (const bytes of input) {
    reader.push(bytes);
    for (;;) {
      const before = reader.totals;
      const piece = reader.next();
      if (piece === undefined) break;
      if (piece.type === 'header') {
        parameters = accept(piece.header);
        reader.limit(parameters.frameBytes);
      }
      if (piece.type !== 'frame') continue;
      refuseLongFrame(who, parameters!, before, piece.frame);
      yield { before, frame: { ...piece.frame, payload: piece.frame.payload.slice() } };
    }
  }
  reader.finish();
}
