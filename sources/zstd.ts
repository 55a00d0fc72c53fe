/**
 * Zstandard, by zstd-codec: libzstd in 16 MiB of WebAssembly memory, loaded when it is used. Every stream has an instance of
 * its own, so that streams do not take room from each other.
 */
import type { ZstdModule } from 'zstd-codec/lib/zstd-codec-binding-wasm.js';
import { corruptInput, limitExceeded, truncatedInput } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';
import { joinBytes } from './join-bytes.js';
import { ZstdFrames } from './zstd-frames.js';

/** What a decoder must hold of a frame; beyond, there is no room for it. */
const MOST_WINDOW_BYTES = 2 ** 23;
/** So little goes in at a time that what comes out, at most 32,768 times as much, is bounded. */
const PIECE_BYTES = 1024;
const PACK_PIECE_BYTES = 2 ** 16;
const LEVEL = 3;

/** An instance of the codec. PACKAGE_MISSING without zstd-codec. */
async function zstdModule(who: string): Promise<readonly [ZstdModule]> {
  const load = () => import('zstd-codec/lib/zstd-codec-binding-wasm.js');
  const { default: fill } = await optionalPeer(who, 'zstd-codec', load);
  // In a list, since a module has a method `then` and would never be done with.
  return new Promise((resolve) => {
    const module: Partial<ZstdModule> = {
      print() {},
      printErr() {},
      onRuntimeInitialized: () => resolve([module as ZstdModule]),
    };
    fill(module);
  });
}

/** What chunks of Zstandard frames stand for. CORRUPT_INPUT where they are damaged, TRUNCATED_INPUT where they end early. */
export async function* zstdDecompressed(
  who: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const [module] = await zstdModule(who);
  const stream = new module.ZstdDecompressStreamBinding();
  stream.begin();
  const frames = new ZstdFrames((bytes) => {
    if (bytes <= MOST_WINDOW_BYTES) return;
    const advice = `A frame asks for ${bytes}. Compress it at level 19 or below, without --long.`;
    throw limitExceeded(who, 'bytes of a zstd window', MOST_WINDOW_BYTES, advice);
  });
  let taken = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      const parts: Uint8Array[] = [];
      const isWell = frames.push(piece) && stream.transform(piece, (part) => parts.push(part.slice()));
      if (!isWell) throw corruptInput(who, `zstd data at byte ${taken + at}`, 'frames that fit', 'others');
      if (parts.length > 0) yield joinBytes(parts);
    }
    taken += chunk.length;
  }
  if (!frames.isWhole)
    throw truncatedInput(who, 'zstd data', 'the end of a frame', `the end at byte ${taken}`);
}

/** Makes one frame of some bytes. */
export async function zstdCompressor(who: string): Promise<(bytes: Uint8Array) => Uint8Array> {
  const [module] = await zstdModule(who);
  return (bytes) => {
    const stream = new module.ZstdCompressStreamBinding();
    const parts: Uint8Array[] = [];
    const take = (part: Uint8Array) => parts.push(part.slice());
    stream.begin(LEVEL);
    for (let at = 0; at < bytes.length; at += PACK_PIECE_BYTES)
      stream.transform(bytes.subarray(at, at + PACK_PIECE_BYTES), take);
    stream.end(take);
    stream.delete();
    return joinBytes(parts);
  };
}
