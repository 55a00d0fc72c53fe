/**
 * What pins the format: the worked examples of FORMAT.md, and files that must stay decodable.
 *
 *   UPDATE_FORMAT=1 npx vitest run test/compression/format.test.ts
 *
 * writes both anew, once the format or the model have been changed on purpose.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeEnd, encodeFrame, type Frame, type Totals } from '../../operators/compression/container.js';
import { ContainerReader } from '../../operators/compression/container-reader.js';
import { type compress, decompress } from '../../operators/index.js';
import { compressed, joined, TINY, textBytes, through } from '../support/compressed.js';

const UPDATE = process.env.UPDATE_FORMAT === '1';
const document = fileURLToPath(new URL('../../operators/compression/FORMAT.md', import.meta.url));
const golden = fileURLToPath(new URL('../golden/compressed/', import.meta.url));

interface Example {
  readonly title: string;
  readonly raw: Uint8Array;
  readonly options: Parameters<typeof compress>[0];
}

const examples: readonly Example[] = [
  {
    title: 'No bytes at all, frames of 64 bytes',
    raw: new Uint8Array(),
    options: { ...TINY, frameBytes: 64 },
  },
  {
    title: 'The two bytes `Hi`, which coding does not make shorter',
    raw: textBytes('Hi'),
    options: { ...TINY, frameBytes: 64 },
  },
  {
    title:
      '150 times `a` in blocks of 64 bytes, dealt to two streams: blocks 0 and 2 to the first, 1 to the second',
    raw: textBytes('a'.repeat(150)),
    options: { ...TINY, frameBytes: 64, streams: 2 },
  },
];

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
const line = (bytes: Uint8Array, meaning: string) => `${hex(bytes).padEnd(30)}  ${meaning}`;

function frameLines(frame: Frame, number: number): string[] {
  const { kind, rawLength, payload } = frame;
  const head = encodeFrame(frame).subarray(0, -payload.length);
  const lengths = kind === 'coded' ? `${rawLength} bytes in ${payload.length}` : `${rawLength} bytes`;
  const chunks = Array.from({ length: Math.ceil(payload.length / 10) }, (_, i) =>
    payload.subarray(10 * i, 10 * i + 10),
  );
  return [
    line(head.subarray(0, -4), `frame ${number}: ${kind}, ${lengths}`),
    line(head.subarray(-4), 'checksum so far'),
    ...chunks.map((chunk, i) => line(chunk, i === 0 ? 'payload' : '')),
  ];
}

const endLines = (totals: Totals): string[] => {
  const bytes = encodeEnd(totals);
  return [
    line(bytes.subarray(0, -4), `end: ${totals.rawBytes} bytes in ${totals.frames} frames`),
    line(bytes.subarray(-4), 'checksum of all'),
  ];
};

/** A stream as lines of bytes and what they mean. */
function dump(bytes: Uint8Array): string {
  const reader = new ContainerReader('test');
  reader.limit(2 ** 24);
  reader.push(bytes);
  const lines = [
    line(bytes.subarray(0, 4), 'magic'),
    line(bytes.subarray(4, 6), 'version 1, content 1: bytes'),
    line(bytes.subarray(6, 10), 'fingerprint of the model'),
    line(bytes.subarray(10, 11), 'length of the parameters'),
    line(bytes.subarray(11, 11 + bytes[10]!), 'level, table shift, parts, streams, frame bytes'),
    line(bytes.subarray(11 + bytes[10]!, 15 + bytes[10]!), 'checksum of the header'),
  ];
  let frames = 0;
  for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
    if (piece.type === 'frame') lines.push(...frameLines(piece.frame, frames++));
    if (piece.type === 'end') lines.push(...endLines(piece.totals));
  }
  return lines.map((text) => text.trimEnd()).join('\n');
}

const shown = ({ title, raw, options }: Example): string =>
  `**${title}:**\n\n\`\`\`\n${dump(compressed(raw, options))}\n\`\`\`\n`;

const HEADING = 'A test makes these dumps and compares them.\n\n';
const NEXT = '\n## The model\n';

describe('FORMAT.md', () => {
  const text = readFileSync(document, 'utf8');
  const from = text.indexOf(HEADING) + HEADING.length;
  const to = text.indexOf(NEXT);
  if (UPDATE) writeFileSync(document, text.slice(0, from) + examples.map(shown).join('\n') + text.slice(to));

  it.each(examples)('shows the bytes of its example: $title', (example) => {
    expect(readFileSync(document, 'utf8')).toContain(shown(example));
  });
});

/** The golden files: what is in them, and how they were made. */
const files: Readonly<Record<string, Example['options']>> = {
  'text-level-1.cw': { level: 1, tableShift: 8 },
  'text-level-5.cw': { level: 5, tableShift: 8, frameBytes: 5000, streams: 2 },
  'text-level-9.cw': { level: 9, tableShift: 8, frameBytes: 5000 },
};

describe('golden compressed files', () => {
  const raw = new Uint8Array(readFileSync('node_modules/vega-datasets/data/stocks.csv'));
  if (UPDATE)
    for (const [name, options] of Object.entries(files))
      writeFileSync(golden + name, compressed(raw, options));

  it('are all there', () => {
    expect(
      existsSync(golden)
        ? readdirSync(golden)
            .sort()
            .map((name) => basename(name))
        : [],
    ).toEqual(Object.keys(files));
  });

  it.each(Object.entries(files))('%s is decompressed to what it was made of', (name) => {
    const bytes = new Uint8Array(readFileSync(golden + name));
    expect(joined(through(decompress({}), [bytes]))).toEqual(raw);
  });

  it.each(Object.entries(files))('%s is made again, byte for byte', (name, options) => {
    expect(compressed(raw, options)).toEqual(new Uint8Array(readFileSync(golden + name)));
  });
});
