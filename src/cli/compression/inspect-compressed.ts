/**
 * What a compressed file says of itself, read from its container alone: nothing is decompressed.
 */
import { createReadStream } from 'node:fs';
import type { Frame, Header } from '../../../operators/compression/container.js';
import { ContainerReader } from '../../../operators/compression/container-reader.js';
import {
  decodeParameters,
  decoderBytes,
  FRAME_BYTES_MAX,
} from '../../../operators/compression/parameters.js';
import { bytes, table } from '../format.js';
import { bitsPerByte } from './byte-progress.js';

const WHO = 'inspect';
/** More frames than this are told of in one line. */
const MOST_ROWS = 20;

export async function inspectCompressed(path: string): Promise<string> {
  const reader = new ContainerReader(WHO);
  reader.limit(FRAME_BYTES_MAX);
  const frames: Omit<Frame, 'payload'>[] = [];
  const coded: number[] = [];
  let header: Header | undefined;
  let bytesIn = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 16 })) {
    bytesIn += (chunk as Buffer).length;
    reader.push(chunk as Buffer);
    for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
      if (piece.type === 'header') header = piece.header;
      if (piece.type !== 'frame') continue;
      const { payload, ...frame } = piece.frame;
      frames.push(frame);
      coded.push(payload.length);
    }
  }
  reader.finish();
  const { rawBytes, checksum } = reader.totals;
  return [
    `${path}: compressed ${header!.content}, ${bytes(rawBytes)} in ${bytes(bytesIn)}, ${bitsPerByte(rawBytes, bytesIn)}`,
    table([...parametersOf(header!), ['  frames', `${frames.length}, CRC-32C ${hex(checksum)}`]]),
    table([
      ['  frame', 'kind', 'raw', 'coded'],
      ...frames
        .slice(0, MOST_ROWS)
        .map(({ kind, rawLength }, i) => [
          `  ${i}`,
          kind,
          rawLength,
          coded[i]!,
          bitsPerByte(rawLength, coded[i]!),
        ]),
    ]),
    ...(frames.length > MOST_ROWS ? [`  … and ${frames.length - MOST_ROWS} more`] : []),
  ].join('\n');
}

function parametersOf({ content, parameters, fingerprint }: Header): string[][] {
  const model = ['  model', `fingerprint ${hex(fingerprint)}`];
  if (content !== 'bytes') return [model, ['  level', `${parameters[0]}`]];
  const known = decodeParameters(WHO, parameters);
  const { level, tableShift, parts, streams, frameBytes } = known;
  return [
    model,
    [
      '  level',
      `${level}${tableShift > 0 ? `, tables 2^${tableShift} smaller` : ''}${parts === 'both' ? '' : `, ${parts} alone`}`,
    ],
    ['  streams', `${streams}`],
    ['  blocks', bytes(frameBytes)],
    ['  memory', `${bytes(decoderBytes(known))} to decompress`],
  ];
}

const hex = (value: number) => value.toString(16).padStart(8, '0');
