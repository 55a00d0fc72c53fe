/**
 * A compressed file that can be resumed: members of one mebibyte each (gzip members, zstd frames), one behind the other,
 * which every decompressor takes for one stream. Where a member begins depends on the bytes alone, so a resumed file is the
 * same as an uninterrupted one. What waits for its member to be full is part of the position.
 */
import type { CompressionMethod } from '../sources/compression.js';
import { joinBytes } from '../sources/join-bytes.js';
import { foreignPosition, positionFields } from '../sources/position.js';
import { zstdCompressor } from '../sources/zstd.js';
import type { Position } from '../src/source.js';
import { OutputFile } from './output-file.js';

const MEMBER_BYTES = 2 ** 20;

type Compress = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** What a sink does with the bytes of its format. */
export interface ByteFile {
  /** Bytes in the file so far, as they lie there. */
  readonly bytes: number;
  /** Whether nothing was written yet. */
  readonly isEmpty: boolean;
  write(bytes: Uint8Array): Promise<void>;
  position(): Promise<Position>;
  finish(): Promise<void>;
  abandon(keep: boolean): Promise<void>;
}

/** Opens a file anew or at a position, plain or compressed. */
export async function openByteFile(
  who: string,
  path: string,
  overwrite: boolean,
  compression: CompressionMethod,
  resume: Position | undefined,
): Promise<ByteFile> {
  const compress = await compressor(who, compression);
  const waiting = compress === undefined || resume === undefined ? undefined : waitingAt(who, resume);
  const file = await OutputFile.open(who, path, overwrite, resume);
  return compress === undefined ? file : new MemberFile(file, compress, waiting ?? new Uint8Array(0));
}

async function compressor(who: string, method: CompressionMethod): Promise<Compress | undefined> {
  if (method === 'none') return undefined;
  if (method === 'zstd') return zstdCompressor(who);
  const [{ promisify }, { gzip }] = await Promise.all([import('node:util'), import('node:zlib')]);
  return promisify<Uint8Array, Uint8Array>(gzip);
}

function waitingAt(who: string, resume: Position): Uint8Array {
  const waiting = positionFields(resume)?.waiting;
  if (waiting instanceof Uint8Array) return new Uint8Array(waiting);
  throw foreignPosition(who, 'bytes that wait to be compressed', resume);
}

class MemberFile implements ByteFile {
  readonly #file: OutputFile;
  readonly #compress: Compress;
  #waiting: Uint8Array[];
  #waitingBytes: number;

  constructor(file: OutputFile, compress: Compress, waiting: Uint8Array) {
    this.#file = file;
    this.#compress = compress;
    this.#waiting = [waiting];
    this.#waitingBytes = waiting.length;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  get isEmpty(): boolean {
    return this.#file.bytes === 0 && this.#waitingBytes === 0;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes < MEMBER_BYTES) return;
    let whole: Uint8Array = joinBytes(this.#waiting);
    for (; whole.length >= MEMBER_BYTES; whole = whole.subarray(MEMBER_BYTES)) {
      await this.#file.write(await this.#compress(whole.subarray(0, MEMBER_BYTES)));
    }
    this.#waiting = [whole.slice()];
    this.#waitingBytes = whole.length;
  }

  async position(): Promise<Position> {
    const waiting = joinBytes(this.#waiting);
    this.#waiting = [waiting];
    return { ...((await this.#file.position()) as object), waiting };
  }

  async finish(): Promise<void> {
    // A file that nothing was written to still is one of its kind.
    if (this.#waitingBytes > 0 || this.#file.bytes === 0)
      await this.#file.write(await this.#compress(joinBytes(this.#waiting)));
    await this.#file.finish();
  }

  abandon(keep: boolean): Promise<void> {
    return this.#file.abandon(keep);
  }
}
