/**
 * A file compressed and decompressed by dataflows, as `chunkwise compress` and `chunkwise decompress` do it.
 *
 * Prints:
 *   stocks.csv has 12245 bytes: smaller than with gzip -9 by a third or more
 *   decompressed: the same bytes; in memory: the same bytes
 *   with one bit flipped: CORRUPT_INPUT; cut off: TRUNCATED_INPUT
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import {
  applyTo,
  bytesFile,
  bytesFileSink,
  collect,
  compress,
  DataflowError,
  dataflow,
  decompress,
} from 'chunkwise';

const path = fileURLToPath(new URL('../node_modules/vega-datasets/data/stocks.csv', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'chunkwise-'));
const packed = join(directory, 'stocks.csv.cw');
const unpacked = join(directory, 'stocks.csv');

const pack = compress({ level: 5, tableShift: 6 }); // small tables are enough for small files
const unpack = decompress({ columns: { compressed: 'bytes', bytes: 'raw' } }); // the column that bytesFile reads into

await dataflow('compress').from(bytesFile(path)).pipe(pack).to(bytesFileSink(packed)).run();
await dataflow('decompress').from(bytesFile(packed)).pipe(unpack).to(bytesFileSink(unpacked)).run();

const original = readFileSync(path);
const code = readFileSync(packed);
const saved =
  code.length < (2 / 3) * gzipSync(original, { level: 9 }).length ? 'a third or more' : 'less than a third';
console.log(`stocks.csv has ${original.length} bytes: smaller than with gzip -9 by ${saved}`);

const frames = collect();
await dataflow('in memory').from(bytesFile(path)).pipe(pack).to(frames).run();
const rows = applyTo(frames.batches, pack.inverse!()).batches.map((batch) => [...batch.getChild('bytes')!]);
const same = (bytes: Uint8Array) => (original.equals(bytes) ? 'the same bytes' : 'other bytes');
console.log(`decompressed: ${same(readFileSync(unpacked))}; in memory: ${same(Buffer.concat(rows.flat()))}`);

/** What becomes of damaged bytes: an error with a code, and no file. */
async function codeOf(damaged: Uint8Array): Promise<string> {
  writeFileSync(packed, damaged);
  const flow = dataflow('damaged')
    .from(bytesFile(packed))
    .pipe(unpack)
    .to(bytesFileSink(unpacked, { overwrite: true }));
  return flow.run().then(
    () => 'no error',
    (error: unknown) => (error instanceof DataflowError ? error.code : String(error)),
  );
}
const flipped = code.map((byte, i) => (i === 1000 ? byte ^ 1 : byte));
console.log(`with one bit flipped: ${await codeOf(flipped)}; cut off: ${await codeOf(code.subarray(0, -1))}`);
rmSync(directory, { recursive: true });
