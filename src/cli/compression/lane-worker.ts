/**
 * A thread that codes blocks or decodes frames. It has a model for each stream that it was given work of.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Frame } from '../../../operators/compression/container.js';
import { FrameDecoder } from '../../../operators/compression/frame-decoder.js';
import { FrameWriter, writerSlots } from '../../../operators/compression/frame-writer.js';
import { openModel } from '../../../operators/compression/model-at-work.js';
import type { StreamParameters } from '../../../operators/compression/parameters.js';
import { reason } from '../../errors.js';
import type { Answer, Task } from './lanes.js';

/** After so many bytes of its input a task says how far it is. */
const PROGRESS_BYTES = 4096;

const parameters = { ...(workerData as StreamParameters), streams: 1 };
const writers: FrameWriter[] = [];
const decoders: FrameDecoder[] = [];

const tell = (answer: Answer) => parentPort!.postMessage(answer);

function encode(id: number, stream: number, block: Uint8Array): readonly Frame[] {
  writers[stream] ??= newWriter();
  const writer = writers[stream];
  const frames: Frame[] = [];
  let finished = 0;
  let told = 0;
  const keep = (frame: Frame) => {
    frames.push({ ...frame, payload: frame.payload.slice() });
    finished += frame.payload.length;
  };
  for (let from = 0; from < block.length; from += PROGRESS_BYTES) {
    const to = Math.min(from + PROGRESS_BYTES, block.length);
    writer.write(block, from, to, keep);
    const bytesOut = finished + writer.waiting - told;
    told += bytesOut;
    tell({ id, progress: { bytesIn: to - from, bytesOut } });
  }
  writer.finish(keep);
  return frames;
}

function newWriter(): FrameWriter {
  const { model, slots } = openModel(parameters, writerSlots(parameters));
  return new FrameWriter(parameters, slots, () => model);
}

function decode(id: number, stream: number, frame: Frame): Uint8Array {
  decoders[stream] ??= new FrameDecoder(parameters);
  const decoder = decoders[stream];
  const { payload, kind } = frame;
  let told = 0;
  for (let from = 0; from < payload.length; from += PROGRESS_BYTES) {
    const to = Math.min(from + PROGRESS_BYTES, payload.length);
    if (kind === 'coded') decoder.advance(frame, payload.subarray(0, to), payload.length);
    const bytesOut = (kind === 'coded' ? decoder.decoded : to) - told;
    told += bytesOut;
    tell({ id, progress: { bytesIn: to - from, bytesOut } });
  }
  return decoder.finish(frame).slice();
}

parentPort!.on('message', ({ id, stream, block, frame }: Task) => {
  try {
    if (block !== undefined) tell({ id, frames: encode(id, stream, block) });
    if (frame !== undefined) tell({ id, raw: decode(id, stream, frame) });
  } catch (error) {
    tell({ id, error: reason(error) });
  }
});
