/**
 * Damaged compressed streams, each made by a seed: what a bad disk, a cut transfer, a careless tool or an enemy make.
 */
import { headerOf } from '../../operators/compression/compress.js';
import {
  encodeEnd,
  encodeFrame,
  encodeHeader,
  FORMAT_VERSION,
  type Frame,
  HEADER_BYTES,
  pushVarint,
  type Totals,
} from '../../operators/compression/container.js';
import { ContainerReader } from '../../operators/compression/container-reader.js';
import {
  checkParameters,
  fingerprint,
  type StreamParameters,
} from '../../operators/compression/parameters.js';
import { crc32c } from '../../src/checksum.js';
import { compressed, joined, textBytes } from '../support/compressed.js';
import { uniform } from '../support/property.js';

/** A stream and what it was made from. */
export interface Sample {
  readonly name: string;
  readonly parameters: StreamParameters;
  readonly raw: Uint8Array;
  readonly bytes: Uint8Array;
  readonly frames: readonly Frame[];
  readonly totals: Totals;
}

export interface Damaged {
  /** The sample that it was made of. */
  readonly of: string;
  readonly what: string;
  readonly bytes: Uint8Array;
  /** What may come out of it: the original, or for spliced streams the original of another. */
  readonly originals: readonly Uint8Array[];
  /** Made by someone who gets the checksums right: whatever comes out is what they put in. */
  readonly isForged: boolean;
}

function sampleOf(name: string, raw: Uint8Array, options: Partial<StreamParameters>): Sample {
  const parameters = checkParameters({ level: 1, tableShift: 14, parts: 'ngrams', ...options });
  const bytes = compressed(raw, parameters);
  const reader = new ContainerReader('test');
  reader.limit(parameters.frameBytes);
  reader.push(bytes);
  const frames: Frame[] = [];
  for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
    if (piece.type === 'frame') frames.push({ ...piece.frame, payload: piece.frame.payload.slice() });
  }
  return { name, parameters, raw, bytes, frames, totals: reader.totals };
}

const text = textBytes(
  'the quick brown fox jumps over the lazy dog and the lazy dog does not mind it. '.repeat(4),
);
const noise = Uint8Array.from({ length: 160 }, (_, i) => (Math.imul(i * i + 7, 2_654_435_761) >>> 15) & 255);

export const makeSamples = (): readonly Sample[] => [
  sampleOf('nothing', new Uint8Array(), { frameBytes: 64 }),
  sampleOf('one byte', Uint8Array.of(65), { frameBytes: 64 }),
  sampleOf('text in one frame', text.subarray(0, 120), { frameBytes: 256 }),
  sampleOf('text in frames', text.subarray(0, 200), { frameBytes: 64 }),
  sampleOf('other text in frames', text.subarray(17, 180), { frameBytes: 64 }),
  sampleOf('text in three streams', text, { frameBytes: 64, streams: 3 }),
  sampleOf('text through the whole model', text.subarray(0, 50), { frameBytes: 64, parts: 'both' }),
  sampleOf('noise', noise, { frameBytes: 100 }),
  sampleOf('noise behind text', joined([text.subarray(0, 100), noise]), { frameBytes: 64, streams: 2 }),
  sampleOf('zeros', new Uint8Array(500), { frameBytes: 500 }),
];

type Random = () => number;
const below = (random: Random, n: number) => Math.floor(n * random());
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

/** A change of a stream's bytes that knows nothing of what they mean. */
type Change = (random: Random, bytes: Uint8Array) => Uint8Array;

const changes: Readonly<Record<string, Change>> = {
  'flipped bits': (random, bytes) => {
    const changed = bytes.slice();
    for (let i = 1 + below(random, 3); i > 0; i--)
      changed[below(random, bytes.length)]! ^= 1 << below(random, 8);
    return changed;
  },
  'other bytes': (random, bytes) => {
    const changed = bytes.slice();
    for (let i = 1 + below(random, 4); i > 0; i--) changed[below(random, bytes.length)] = below(random, 256);
    return changed;
  },
  'cut off': (random, bytes) => bytes.subarray(0, below(random, bytes.length)),
  'missing bytes': (random, bytes) => {
    const from = below(random, bytes.length);
    return joined([bytes.subarray(0, from), bytes.subarray(from + 1 + below(random, 8))]);
  },
  'more bytes': (random, bytes) => {
    const at = below(random, bytes.length + 1);
    const more = Uint8Array.from({ length: 1 + below(random, 8) }, () => below(random, 256));
    return joined([bytes.subarray(0, at), more, bytes.subarray(at)]);
  },
  'doubled bytes': (random, bytes) => {
    const at = below(random, bytes.length);
    return joined([bytes.subarray(0, at + 1 + below(random, 40)), bytes.subarray(at)]);
  },
  'noise behind the header': (random, bytes) => {
    const more = Uint8Array.from({ length: below(random, 60) }, () => below(random, 256));
    return joined([bytes.subarray(0, HEADER_BYTES + bytes[10]!), more]);
  },
  noise: (random) => Uint8Array.from({ length: below(random, 60) }, () => below(random, 256)),
};

/** Frames of the stream, and of another one, in any order. */
function spliced(random: Random, samples: readonly Sample[], sample: Sample): Damaged {
  const other = pick(random, samples);
  const pool = [...sample.frames, ...(random() < 0.5 ? other.frames : [])];
  const count = below(random, sample.frames.length + 2);
  const frames = Array.from({ length: pool.length === 0 ? 0 : count }, (_, i) =>
    random() < 0.6 ? (sample.frames[i] ?? pool[0]!) : pick(random, pool),
  );
  const totals = pick(random, [sample.totals, other.totals]);
  return {
    of: sample.name,
    what: `spliced with ${other.name}`,
    bytes: joined([headerOf(sample.parameters), ...frames.map(encodeFrame), encodeEnd(totals)]),
    originals: [sample.raw, other.raw],
    isForged: false,
  };
}

/** A header whose checksum is right and whose contents are not meant well. */
function hostileHeader(random: Random, sample: Sample): Damaged {
  const parameters = Uint8Array.from({ length: below(random, 12) }, () =>
    pick(random, [0, 1, 5, 9, 14, 64, 128, 255]),
  );
  const own = checkParameters({
    level: 1 + below(random, 9),
    tableShift: pick(random, [0, 14]),
    streams: pick(random, [1, 64]),
    frameBytes: pick(random, [64, 2 ** 24]),
  });
  const asked: number[] = [own.level, own.tableShift, 0, own.streams];
  pushVarint(asked, own.frameBytes);
  const isMeaningful = random() < 0.5;
  const header = encodeHeader({
    content: pick(random, ['bytes', 'bytes', 'batches']),
    fingerprint: isMeaningful && own.tableShift === 14 ? fingerprint(own) : below(random, 2 ** 32),
    parameters: isMeaningful ? Uint8Array.from(asked) : parameters,
  });
  if (random() < 0.2) header[4] = FORMAT_VERSION + below(random, 3);
  const end = header.length - 4;
  new DataView(header.buffer).setUint32(end, crc32c(header.subarray(0, end)), true);
  const rest = sample.bytes.subarray(HEADER_BYTES + sample.bytes[10]!);
  return {
    of: sample.name,
    what: 'hostile header',
    bytes: joined([header, rest]),
    originals: [sample.raw],
    isForged: true,
  };
}

/** Frames that claim what they like, up to the longest integers. */
function hostileFrame(random: Random, sample: Sample): Damaged {
  const lengths = [0, 1, 63, 64, 65, 255, 256, 2 ** 24, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
  const payload = Uint8Array.from({ length: below(random, 80) }, () => below(random, 256));
  const head = [1 + below(random, 3)];
  pushVarint(head, pick(random, lengths));
  if (random() < 0.7) pushVarint(head, random() < 0.5 ? payload.length : pick(random, lengths));
  for (let i = 0; i < 4; i++) head.push(below(random, 256));
  const kept = sample.frames.slice(0, below(random, sample.frames.length + 1));
  const bytes = [headerOf(sample.parameters), ...kept.map(encodeFrame), Uint8Array.from(head), payload];
  return {
    of: sample.name,
    what: 'hostile frame',
    bytes: joined([...bytes, encodeEnd(sample.totals)]),
    originals: [sample.raw],
    isForged: false,
  };
}

/** The damaged stream of a seed. */
export function damaged(seed: number, samples: readonly Sample[]): Damaged {
  const random = uniform(seed);
  const sample = pick(random, samples);
  const kind = below(random, 12);
  if (kind === 0) return spliced(random, samples, sample);
  if (kind === 1) return hostileHeader(random, sample);
  if (kind === 2) return hostileFrame(random, sample);
  const [name, change] = pick(random, Object.entries(changes));
  return {
    of: sample.name,
    what: name,
    bytes: change(random, sample.bytes),
    originals: [sample.raw],
    isForged: false,
  };
}
