/**
 * Text that rows are read from: a file by its path, or bytes from anywhere else.
 */
import { optionRange } from '../src/errors.js';
import { type ByteInput, chunksOf, inputGuarantee, isByteInput } from './byte-input.js';
import { withInputFile } from './input-file.js';

export type TextInput = string | ByteInput;

/** Input that can be read from any byte on. */
export interface SeekableInput {
  readonly name: string;
  chunks(offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

const isSeekable = (input: TextInput | SeekableInput): input is SeekableInput =>
  typeof input === 'object' && 'chunks' in input;

const BLOCK_BYTES = 1 << 18;

/** How an input is called in messages: a file by its path. */
export function inputName(input: TextInput | SeekableInput): string {
  if (typeof input === 'string') return input;
  return isSeekable(input) ? input.name : 'input';
}

export function textInput(who: string, input: unknown): TextInput {
  if ((typeof input === 'string' && input !== '') || isByteInput(input)) return input as TextInput;
  throw optionRange(who, 'path', 'a path, or bytes as a stream or array', input);
}

/** How often a row of the input takes effect: exactly once where it can be read again, as files can. */
export const textGuarantee = (input: TextInput): 'exactly once' | 'at most once' =>
  typeof input === 'string' ? 'exactly once' : inputGuarantee(input);

/** Bytes of an input, where that is known before it is read. */
export async function inputBytes(input: TextInput | SeekableInput): Promise<number | undefined> {
  if (input instanceof Uint8Array) return input.length;
  if (typeof input !== 'string') return undefined;
  const { stat } = await import('node:fs/promises');
  const info = await stat(input).catch(() => undefined);
  return info?.isFile() ? info.size : undefined;
}

/** The bytes of an input from `offset` on. Input that is no file is read again from its start and passed over. */
export async function* textChunks(
  who: string,
  input: TextInput | SeekableInput,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (typeof input === 'string') {
    yield* withInputFile(who, input, (file) => file.blocks(offset, BLOCK_BYTES, signal));
    return;
  }
  if (isSeekable(input)) {
    yield* input.chunks(offset, signal);
    return;
  }
  let toSkip = offset;
  for await (const chunk of chunksOf(who, input, signal)) {
    const skipped = Math.min(toSkip, chunk.length);
    toSkip -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
