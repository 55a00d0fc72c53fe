/**
 * Decompresses a stream of bytes whose compressed bytes arrive in any pieces: container, models, checks.
 *
 * It takes memory for a model when the first frame of its stream comes, and refuses a header whose models would take more
 * than it may. Whatever the bytes are, it gives out what was compressed, or an error: CORRUPT_INPUT, TRUNCATED_INPUT, or
 * LIMIT_EXCEEDED.
 */
import { crc32c } from '../../src/checksum.js';
import { corruptInput, limitExceeded } from '../../src/errors.js';
import type { Backend } from '../../src/kernels/kernel.js';
import { pack, unpack } from '../../src/snapshot.js';
import { encodeHeader, type Frame, type Header, type Totals } from './container.js';
import { ContainerReader, type ReaderState } from './container-reader.js';
import { FrameDecoder } from './frame-decoder.js';
import {
  blockLeft,
  checkParameters,
  decodeParameters,
  decoderBytes,
  fingerprint,
  type StreamParameters,
  streamAt,
} from './parameters.js';

export interface DecompressorOptions {
  /** The most bytes that models and frames may take. */
  readonly maxMemoryBytes: number;
}

/** What the largest model takes, in one stream. */
export const defaultMemoryBytes = (): number => decoderBytes(checkParameters({ level: 9 }));

/** The parameters in a header of a stream of bytes, if this decoder can and may decode it. */
export function acceptHeader(
  who: string,
  header: Header,
  { maxMemoryBytes }: DecompressorOptions,
): StreamParameters {
  const { content } = header;
  if (content !== 'bytes') throw corruptInput(who, 'content', 'bytes', content);
  const parameters = decodeParameters(who, header.parameters);
  const bytes = decoderBytes(parameters);
  if (bytes > maxMemoryBytes) {
    const advice = `The stream asks for ${bytes}: allow them, or refuse the stream.`;
    throw limitExceeded(who, 'maxMemoryBytes', maxMemoryBytes, advice);
  }
  const own = fingerprint(parameters);
  if (own !== header.fingerprint) {
    const advice = 'the one of this release, since another compresses otherwise';
    throw corruptInput(who, 'fingerprint of the model', `${own} (${advice})`, `${header.fingerprint}`);
  }
  return parameters;
}

/** Refuses a frame that reaches into the next block. */
export function refuseLongFrame(
  who: string,
  parameters: StreamParameters,
  before: Totals,
  { rawLength }: Pick<Frame, 'rawLength'>,
): void {
  const left = blockLeft(parameters, before.rawBytes);
  if (rawLength > left) throw corruptInput(who, 'raw bytes of a frame', `at most ${left}`, `${rawLength}`);
}

/** Refuses decoded bytes that are not those that were compressed. */
export function refuseOtherBytes(who: string, before: Totals, { checksum }: Frame, raw: Uint8Array): void {
  const actual = crc32c(raw, before.checksum);
  if (actual === checksum) return;
  throw corruptInput(who, `checksum of frame ${before.frames}`, `${checksum}`, `${actual}`);
}

export class Decompressor {
  readonly #who: string;
  readonly #options: DecompressorOptions;
  readonly #backend: Backend | undefined;
  #reader: ContainerReader;
  /** The newest header that was found good, and what it says. */
  #accepted: { readonly header: Header; readonly parameters: StreamParameters } | undefined;
  #hasHeader = false;
  /** A decoder for each stream that has had a frame. */
  #decoders: (FrameDecoder | undefined)[] = [];
  /** Decoders of the same parameters that an earlier stream has left. */
  #idle: FrameDecoder[] = [];

  constructor(who: string, options: DecompressorOptions, backend?: Backend) {
    this.#who = who;
    this.#options = options;
    this.#backend = backend;
    this.#reader = new ContainerReader(who);
  }

  /** Takes the next compressed bytes; each frame's raw bytes are handed out as a view until the next call. */
  push(bytes: Uint8Array, emit: (raw: Uint8Array) => void): void {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      this.#reader.push(bytes.subarray(at, at + SLICE_BYTES));
      this.#read(emit);
    }
  }

  /** Says that no more bytes will come. */
  finish(): void {
    this.#reader.finish();
  }

  /** Begins with another stream; models of the same parameters keep their memory. */
  reset(): void {
    this.#reader = new ContainerReader(this.#who);
    this.#hasHeader = false;
    this.#idle.push(...this.#decoders.filter((decoder) => decoder !== undefined));
    this.#decoders = [];
  }

  save(): Uint8Array {
    return pack({
      reader: this.#reader.save(),
      header: this.#hasHeader ? this.#accepted!.header : null,
      decoders: Array.from(this.#decoders, (decoder) => decoder?.save() ?? null),
    });
  }

  restore(bytes: Uint8Array): void {
    const saved = unpack(bytes) as {
      reader: ReaderState;
      header: Header | null;
      decoders: (Uint8Array | null)[];
    };
    this.reset();
    this.#reader.restore(saved.reader);
    if (saved.header === null) return;
    this.#accept(saved.header);
    saved.decoders.forEach((state, stream) => {
      if (state !== null) this.#decoderOf(stream).restore(state);
    });
  }

  #read(emit: (raw: Uint8Array) => void): void {
    for (;;) {
      const before = this.#reader.totals;
      const piece = this.#reader.next();
      if (piece === undefined) break;
      if (piece.type === 'header') this.#accept(piece.header);
      if (piece.type !== 'frame') continue;
      refuseLongFrame(this.#who, this.#accepted!.parameters, before, piece.frame);
      const raw = this.#decoderAt(before).finish(piece.frame);
      refuseOtherBytes(this.#who, before, piece.frame, raw);
      emit(raw);
    }
    const partial = this.#reader.partial();
    if (partial?.head.kind !== 'coded') return;
    const { head, payload } = partial;
    refuseLongFrame(this.#who, this.#accepted!.parameters, this.#reader.totals, head);
    this.#decoderAt(this.#reader.totals).advance(head, payload, head.payloadLength);
  }

  #accept(header: Header): void {
    if (this.#accepted === undefined || !isSameHeader(header, this.#accepted.header)) {
      this.#accepted = { header, parameters: acceptHeader(this.#who, header, this.#options) };
      this.#idle = [];
    }
    this.#hasHeader = true;
    this.#reader.limit(this.#accepted.parameters.frameBytes);
  }

  #decoderAt({ rawBytes }: Totals): FrameDecoder {
    return this.#decoderOf(streamAt(this.#accepted!.parameters, rawBytes));
  }

  #decoderOf(stream: number): FrameDecoder {
    this.#decoders[stream] ??=
      this.#idleDecoder() ?? new FrameDecoder(this.#accepted!.parameters, this.#backend);
    return this.#decoders[stream];
  }

  #idleDecoder(): FrameDecoder | undefined {
    const decoder = this.#idle.pop();
    decoder?.reset();
    return decoder;
  }
}

/** Whether two headers are of the same bytes. */
const isSameHeader = (a: Header, b: Header): boolean => encodeHeader(a).join() === encodeHeader(b).join();

/** So much is taken at a time, that not much more than a frame is ever held. */
const SLICE_BYTES = 2 ** 16;
