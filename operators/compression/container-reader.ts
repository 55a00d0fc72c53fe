/**
 * Reads a container whose bytes arrive in any pieces.
 *
 * 1. `push` takes bytes; `next` answers the header, each frame and the end, each once all of its bytes are there.
 * 2. Everything that can be checked without the content is checked: magic, version, the header's checksum, lengths
 *    against the limit, the order of pieces, the end's totals, and that nothing follows it.
 * 3. It never holds more than one piece and what was pushed behind it; a length in a damaged head allocates nothing.
 *
 * Damage is CORRUPT_INPUT; bytes that end too early are TRUNCATED_INPUT, which only `finish` can tell.
 */
import { crc32c } from '../../src/checksum.js';
import { corruptInput, type DataflowError, truncatedInput } from '../../src/errors.js';
import {
  contentOf,
  END,
  FORMAT_VERSION,
  type Frame,
  type FrameKind,
  HEADER_BYTES,
  type Header,
  kindOf,
  MAGIC,
  NO_TOTALS,
  readVarint,
  type Totals,
  withFrame,
} from './container.js';

export type Piece =
  | { readonly type: 'header'; readonly header: Header }
  | { readonly type: 'frame'; readonly frame: Frame }
  | { readonly type: 'end'; readonly totals: Totals };

/** What stands before a frame's payload. */
export interface FrameHead extends Omit<Frame, 'payload'> {
  readonly headLength: number;
  readonly payloadLength: number;
}

/** Where a reader stands, as plain data. */
export interface ReaderState {
  readonly phase: 'header' | 'frames' | 'done';
  readonly mostFrameBytes: number;
  readonly totals: Totals;
  readonly pending: Uint8Array;
}

export class ContainerReader {
  readonly #who: string;
  #phase: ReaderState['phase'] = 'header';
  #mostFrameBytes = 0;
  #totals: Totals = NO_TOTALS;
  /** What has been pushed and not yet read: `#bytes[#from … #to)`. */
  #bytes = new Uint8Array(64);
  #from = 0;
  #to = 0;

  constructor(who: string) {
    this.#who = who;
  }

  /** What the frames that were read add up to. */
  get totals(): Totals {
    return this.#totals;
  }

  /** The most raw bytes and payload bytes a frame may have; to be said once the header is known. */
  limit(mostFrameBytes: number): void {
    this.#mostFrameBytes = mostFrameBytes;
  }

  push(bytes: Uint8Array): void {
    if (this.#phase === 'done' && bytes.length > 0) throw this.#trailing();
    const held = this.#to - this.#from;
    if (this.#to + bytes.length > this.#bytes.length) {
      const needed = held + bytes.length;
      const target = needed > this.#bytes.length ? new Uint8Array(2 * needed) : this.#bytes;
      target.set(this.#bytes.subarray(this.#from, this.#to));
      this.#bytes = target;
      this.#from = 0;
      this.#to = held;
    }
    this.#bytes.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** The next piece, once all of it is there. A frame's payload is a view that the next `push` may overwrite. */
  next(): Piece | undefined {
    const pending = this.#pending();
    if (this.#phase === 'done') {
      if (pending.length > 0) throw this.#trailing();
      return undefined;
    }
    if (this.#phase === 'header') return this.#header(pending);
    return pending[0] === END ? this.#end(pending) : this.#frame(pending);
  }

  /** The head of the frame that is arriving, and as much of its payload as is there. */
  partial(): { readonly head: FrameHead; readonly payload: Uint8Array } | undefined {
    const pending = this.#pending();
    if (this.#phase !== 'frames' || pending[0] === END) return undefined;
    const head = this.#head(pending);
    return head && { head, payload: pending.subarray(head.headLength, head.headLength + head.payloadLength) };
  }

  /** Says that no more bytes will come. */
  finish(): void {
    if (this.#phase === 'done') return;
    const { frames, rawBytes } = this.#totals;
    const got = `the end of the bytes behind ${frames} frames of ${rawBytes} bytes`;
    if (this.#phase === 'frames') throw truncatedInput(this.#who, 'end of the stream', 'an end frame', got);
    // The first bytes tell a short file of ours from a file that never was one.
    const bytes = this.#pending();
    this.#refuseOtherMagic(bytes);
    throw truncatedInput(this.#who, 'header', `at least ${HEADER_BYTES} bytes`, `${bytes.length}`);
  }

  save(): ReaderState {
    return {
      phase: this.#phase,
      mostFrameBytes: this.#mostFrameBytes,
      totals: this.#totals,
      pending: this.#pending().slice(),
    };
  }

  restore({ phase, mostFrameBytes, totals, pending }: ReaderState): void {
    this.#phase = phase;
    this.#mostFrameBytes = mostFrameBytes;
    this.#totals = totals;
    this.#from = 0;
    this.#to = 0;
    if (pending.length > 0) this.#hold(pending);
  }

  #hold(bytes: Uint8Array): void {
    this.#bytes = bytes.slice();
    this.#to = bytes.length;
  }

  #pending(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  #header(pending: Uint8Array): Piece | undefined {
    this.#refuseOtherMagic(pending);
    const parametersLength = pending[10];
    if (parametersLength === undefined || pending.length < HEADER_BYTES + parametersLength) return undefined;
    const bytes = pending.subarray(0, HEADER_BYTES + parametersLength);
    const version = bytes[4]!;
    if (version !== FORMAT_VERSION) {
      throw this.#corrupt('format version', `${FORMAT_VERSION}`, `${version}`);
    }
    this.#refuseOther(
      'checksum of the header',
      crc32c(bytes.subarray(0, -4)),
      uint32(bytes, bytes.length - 4),
    );
    const content = contentOf(bytes[5]!);
    if (content === undefined) throw this.#corrupt('content', '1 (bytes) or 2 (batches)', `${bytes[5]}`);
    this.#from += bytes.length;
    this.#phase = 'frames';
    return {
      type: 'header',
      header: { content, fingerprint: uint32(bytes, 6), parameters: bytes.slice(11, -4) },
    };
  }

  #frame(pending: Uint8Array): Piece | undefined {
    const head = this.#head(pending);
    if (head === undefined) return undefined;
    const { headLength, payloadLength, ...rest } = head;
    if (pending.length < headLength + payloadLength) return undefined;
    const frame = { ...rest, payload: pending.subarray(headLength, headLength + payloadLength) };
    this.#from += headLength + payloadLength;
    this.#totals = withFrame(this.#totals, frame);
    return { type: 'frame', frame };
  }

  #head(pending: Uint8Array): FrameHead | undefined {
    const [number] = pending;
    if (number === undefined) return undefined;
    const kind: FrameKind | undefined = kindOf(number);
    if (kind === undefined) throw this.#corrupt('kind of a frame', '0, 1, 2 or 3', `${number}`);
    const raw = readVarint(this.#who, pending, 1);
    if (raw === undefined) return undefined;
    this.#refuseLength('raw bytes of a frame', raw.value);
    const payload = kind === 'coded' ? readVarint(this.#who, pending, raw.next) : raw;
    if (payload === undefined) return undefined;
    this.#refuseLength('payload bytes of a frame', payload.value);
    if (pending.length < payload.next + 4) return undefined;
    return {
      kind,
      rawLength: raw.value,
      checksum: uint32(pending, payload.next),
      headLength: payload.next + 4,
      payloadLength: payload.value,
    };
  }

  #end(pending: Uint8Array): Piece | undefined {
    const rawBytes = readVarint(this.#who, pending, 1);
    const frames = rawBytes && readVarint(this.#who, pending, rawBytes.next);
    if (rawBytes === undefined || frames === undefined || pending.length < frames.next + 4) return undefined;
    this.#refuseOther('raw bytes in all', this.#totals.rawBytes, rawBytes.value);
    this.#refuseOther('frames in all', this.#totals.frames, frames.value);
    this.#refuseOther('checksum at the end', this.#totals.checksum, uint32(pending, frames.next));
    this.#from += frames.next + 4;
    this.#phase = 'done';
    return { type: 'end', totals: this.#totals };
  }

  #refuseOtherMagic(bytes: Uint8Array): void {
    const first = bytes.subarray(0, MAGIC.length);
    if (first.every((byte, i) => byte === MAGIC[i])) return;
    throw this.#corrupt('first bytes', `those of a compressed stream (${hex(MAGIC)})`, hex(first));
  }

  #refuseLength(what: string, length: number): void {
    if (length >= 1 && length <= this.#mostFrameBytes) return;
    throw this.#corrupt(what, `1 … ${this.#mostFrameBytes}`, `${length}`);
  }

  #refuseOther(what: string, expected: number, got: number): void {
    if (expected !== got) throw this.#corrupt(what, `${expected}`, `${got}`);
  }

  #trailing(): DataflowError {
    return this.#corrupt('bytes behind the end', 'none', 'more');
  }

  #corrupt(what: string, expected: string, got: string): DataflowError {
    return corruptInput(this.#who, what, expected, got);
  }
}

const uint32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ') || 'nothing';
