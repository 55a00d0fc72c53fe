/**
 * What an Avro file begins with: its schema, its codec, and the marker that stands behind each block.
 */
import { corruptInput, DataflowError, reason, truncatedInput } from '../src/errors.js';
import { AvroTap, EndOfBytes } from './avro-tap.js';
import type { InputFile } from './input-file.js';

export interface AvroHeader {
  /** As JSON has it. */
  readonly schema: unknown;
  readonly codec: string;
  readonly sync: Uint8Array;
  /** Where the first block begins. */
  readonly bytes: number;
}

export const SYNC_BYTES = 16;
/** Obj and a version. */
export const AVRO_MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 1);
const MOST_HEADER_BYTES = 2 ** 24;

/** Reads as much of the file's beginning as its header takes. */
export async function readAvroHeader(who: string, file: InputFile): Promise<AvroHeader> {
  for (let length = 2 ** 12; ; length *= 2) {
    const bytes = await file.read(0, Math.min(length, file.size));
    if (!AVRO_MAGIC.every((byte, i) => bytes[i] === byte)) {
      throw corruptInput(who, 'file', 'an Avro file, which begins with Obj', `${file.size} other bytes`);
    }
    try {
      return decoded(who, new AvroTap(bytes));
    } catch (error) {
      if (error instanceof DataflowError) throw error;
      const isWhole = length >= Math.min(file.size, MOST_HEADER_BYTES);
      if (error instanceof EndOfBytes && !isWhole) continue;
      const expected = 'a schema and a sync marker';
      if (error instanceof EndOfBytes) throw truncatedInput(who, 'header', expected, `${file.size} bytes`);
      throw corruptInput(who, 'header', expected, reason(error));
    }
  }
}

function decoded(who: string, tap: AvroTap): AvroHeader {
  const decoder = new TextDecoder();
  const metadata = new Map<string, string>();
  const textOf = () => decoder.decode(tap.bytes(tap.count(MOST_HEADER_BYTES)));
  tap.bytes(AVRO_MAGIC.length);
  for (let count = Number(tap.integer()); count !== 0; count = Number(tap.integer())) {
    if (count < 0) tap.integer();
    for (let i = 0; i < Math.abs(count); i++) metadata.set(textOf(), textOf());
  }
  const sync = tap.bytes(SYNC_BYTES);
  const codec = metadata.get('avro.codec') ?? 'null';
  try {
    return { schema: JSON.parse(metadata.get('avro.schema') ?? ''), codec, sync, bytes: tap.at };
  } catch (error) {
    throw corruptInput(who, 'schema', 'JSON', reason(error));
  }
}
