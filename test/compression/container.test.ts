import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeEnd,
  encodeFrame,
  encodeHeader,
  type Frame,
  type Header,
  NO_TOTALS,
  pushVarint,
  readVarint,
  withFrame,
} from '../../operators/compression/container.js';
import { ContainerReader, type Piece } from '../../operators/compression/container-reader.js';
import { crc32c } from '../../src/checksum.js';
import { joined, pieces, textBytes } from '../support/compressed.js';
import { expectError } from '../support/errors.js';
import { campaign, cuttings } from '../support/property.js';

const header: Header = { content: 'batches', fingerprint: 0xfedcba98, parameters: Uint8Array.of(7, 0, 255) };
const raws = ['a', 'abcabcabc', 'x'.repeat(200)].map(textBytes);
const frames: Frame[] = [];
let totals = NO_TOTALS;
for (const [i, raw] of raws.entries()) {
  const kind = (['stored', 'coded', 'skipped'] as const)[i]!;
  const payload = kind === 'coded' ? Uint8Array.of(1, 2, 3) : raw;
  frames.push({ kind, rawLength: raw.length, payload, checksum: crc32c(raw, totals.checksum) });
  totals = withFrame(totals, frames[i]!);
}
const stream = joined([encodeHeader(header), ...frames.map(encodeFrame), encodeEnd(totals)]);

/** All pieces of a stream that arrives in parts; payloads are copied. */
function read(parts: readonly Uint8Array[], mostFrameBytes = 256): Piece[] {
  const reader = new ContainerReader('test');
  reader.limit(mostFrameBytes);
  const found: Piece[] = [];
  for (const part of parts) {
    reader.push(part);
    for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
      if (piece.type !== 'frame') found.push(piece);
      else found.push({ type: 'frame', frame: { ...piece.frame, payload: piece.frame.payload.slice() } });
    }
  }
  reader.finish();
  return found;
}

const expected: Piece[] = [
  { type: 'header', header },
  ...frames.map((frame) => ({ type: 'frame', frame }) as const),
  { type: 'end', totals },
];

describe('a container', () => {
  it('is read back piece by piece, however its bytes arrive', () => {
    fc.assert(
      fc.property(cuttings, (lengths) => {
        expect(read(pieces(stream, lengths))).toEqual(expected);
      }),
      campaign(2),
    );
  });

  it('ends with the checksum of all raw bytes', () => {
    expect(totals).toEqual({ frames: 3, rawBytes: 210, checksum: crc32c(joined(raws)) });
  });

  it('is read on from a reader saved anywhere', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const first = new ContainerReader('test');
      first.limit(256);
      first.push(stream.subarray(0, cut));
      let count = 0;
      while (first.next() !== undefined) count++;
      const second = new ContainerReader('test');
      second.push(textBytes('forgotten'));
      second.restore(structuredClone(first.save()));
      second.push(stream.subarray(cut));
      for (let piece = second.next(); piece !== undefined; piece = second.next()) count++;
      second.finish();
      expect(count).toBe(expected.length);
    }
  });

  it('shows as much of a payload as has arrived', () => {
    const reader = new ContainerReader('test');
    reader.limit(256);
    reader.push(stream.subarray(0, -20));
    while (reader.next() !== undefined);
    const { head, payload } = reader.partial()!;
    expect(head).toMatchObject({ kind: 'skipped', rawLength: 200, payloadLength: 200 });
    expect(payload).toEqual(raws[2]!.subarray(0, payload.length));
    expect(payload.length).toBe(200 - 20 + encodeEnd(totals).length);
  });

  const changedHeader = (change: (bytes: Uint8Array) => void) => {
    const bytes = encodeHeader(header);
    change(bytes);
    new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32c(bytes.subarray(0, -4)), true);
    return bytes;
  };
  const frameOf = (...head: number[]) => joined([encodeHeader(header), Uint8Array.from(head)]);
  it.each<[string, Uint8Array]>([
    ['other first bytes', textBytes('PK\u0003\u0004 and so on')],
    ['another version', changedHeader((bytes) => bytes.fill(2, 4, 5))],
    ['an unknown content', changedHeader((bytes) => bytes.fill(3, 5, 6))],
    ['a damaged header', encodeHeader(header).map((byte, i) => (i === 12 ? byte ^ 1 : byte))],
    ['an unknown kind of frame', frameOf(4)],
    ['a frame of no bytes', frameOf(2, 0)],
    ['a frame longer than the limit', frameOf(2, 129, 2)],
    ['a payload of no bytes', frameOf(1, 10, 0)],
    ['a payload longer than the limit', frameOf(1, 10, 255, 255, 3)],
    ['a length in more bytes than it needs', frameOf(2, 129, 0)],
    ['a length beyond 2^53', frameOf(2, 255, 255, 255, 255, 255, 255, 255, 127)],
    ['a length that does not end', frameOf(2, 255, 255, 255, 255, 255, 255, 255, 255, 255)],
    ['bytes behind the end', joined([stream, Uint8Array.of(0)])],
    [
      'an end that counts other bytes',
      joined([encodeHeader(header), encodeEnd({ ...NO_TOTALS, rawBytes: 1 })]),
    ],
    [
      'an end that counts other frames',
      joined([encodeHeader(header), encodeEnd({ ...NO_TOTALS, frames: 1 })]),
    ],
    [
      'an end with another checksum',
      joined([encodeHeader(header), encodeEnd({ ...NO_TOTALS, checksum: 1 })]),
    ],
  ])('with %s is CORRUPT_INPUT', (_name, bytes) => {
    expectError('CORRUPT_INPUT', () => read([bytes]));
    expectError('CORRUPT_INPUT', () => read(Array.from(bytes, (byte) => Uint8Array.of(byte))));
  });

  it('cut off anywhere is TRUNCATED_INPUT', () => {
    for (let length = 0; length < stream.length; length++) {
      expectError('TRUNCATED_INPUT', () => read([stream.subarray(0, length)]));
    }
  });

  it('holds no more than a piece, whatever length a head claims', () => {
    const reader = new ContainerReader('test');
    reader.limit(2 ** 40);
    reader.push(joined([encodeHeader(header), Uint8Array.of(2, 255, 255, 255, 255, 31)]));
    reader.next();
    expect(reader.next()).toBeUndefined();
    expect(reader.save().pending.length).toBe(6);
  });
});

describe('a varint', () => {
  it('is read back, and in every shorter part is not there yet', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes: number[] = [];
        pushVarint(bytes, value);
        expect(readVarint('test', Uint8Array.from(bytes), 0)).toEqual({ value, next: bytes.length });
        expect(readVarint('test', Uint8Array.from(bytes.slice(0, -1)), 0)).toBeUndefined();
      }),
      campaign(10),
    );
  });
});
