import { spawn } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { arrowStreamSink } from '../../sinks/index.js';
import { arrowStream } from '../../sources/index.js';
import { cells, errorOf, everyType, never, rowsOf, writeAll } from '../sources/helpers.js';

const batches = [everyType(9), everyType(0), everyType(30, 4).slice(5, 20)];

async function collected(write: (take: (bytes: Uint8Array) => void) => Promise<void>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await write((bytes) => void parts.push(new Uint8Array(bytes)));
  return new Uint8Array(Buffer.concat(parts));
}

describe('arrowStreamSink', () => {
  it('writes to a function, a Node stream and a web stream alike', async () => {
    const toFunction = await collected((take) => writeAll(arrowStreamSink(take), batches));
    const toNode = await collected((take) => {
      const stream = new PassThrough();
      stream.on('data', take);
      return writeAll(arrowStreamSink(stream), batches);
    });
    const toWeb = await collected((take) =>
      writeAll(arrowStreamSink(new WritableStream({ write: take })), batches),
    );
    expect(cells(tableFromIPC(toFunction).batches)).toEqual(cells(batches));
    expect(await rowsOf(arrowStream(toFunction))).toEqual(cells(batches));
    expect(toNode).toEqual(toFunction);
    expect(toWeb).toEqual(toFunction);
  });

  it('ends with the marker only when it is finished', async () => {
    const bytes = await collected(async (take) => {
      const writer = await arrowStreamSink(take).open(undefined, never);
      await writer.write(batches[0]!);
      await writer.abandon(false);
    });
    expect((await errorOf(rowsOf(arrowStream(bytes)))).code).toBe('TRUNCATED_INPUT');
  });

  it('writes a stream without columns when there was no batch', async () => {
    expect(tableFromIPC(await collected((take) => writeAll(arrowStreamSink(take), []))).numCols).toBe(0);
  });

  it('waits for a slow reader', async () => {
    let held = 0;
    let most = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Uint8Array, _encoding, done) {
        held += chunk.length;
        most = Math.max(most, held);
        setTimeout(() => {
          held -= chunk.length;
          done();
        }, 1);
      },
    });
    await writeAll(
      arrowStreamSink(slow),
      Array.from({ length: 10 }, () => batches[0]!),
    );
    const one = await collected((take) => writeAll(arrowStreamSink(take), [batches[0]!]));
    expect(most).toBeLessThan(one.length);
  });

  it('says SINK_FAILED when the reader goes away', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.once("data", () => process.exit())']);
    const many = Array.from({ length: 2000 }, () => batches[0]!);
    expect((await errorOf(writeAll(arrowStreamSink(child.stdin), many))).code).toBe('SINK_FAILED');
    const gone = new PassThrough();
    gone.destroy();
    expect((await errorOf(writeAll(arrowStreamSink(gone), batches))).code).toBe('SINK_FAILED');
  });

  it('stops waiting when the signal aborts', async () => {
    const stop = new AbortController();
    const stuck = new Writable({ write() {} });
    const writer = await arrowStreamSink(stuck).open(undefined, stop.signal);
    const writing = writer.write(batches[0]!);
    setTimeout(() => stop.abort(new Error('enough')), 10);
    await expect(writing).rejects.toThrow('enough');
    await writer.abandon(false);
  });

  it('refuses another schema in the middle, a position, and what is no output', async () => {
    const narrow = everyType(1).selectAt([0]);
    expect(
      (
        await errorOf(
          writeAll(
            arrowStreamSink(() => {}),
            [batches[0]!, narrow],
          ),
        )
      ).code,
    ).toBe('COLUMN_TYPE');
    const resume = errorOf(
      writeAll(
        arrowStreamSink(() => {}),
        [],
        { bytes: 0 },
      ),
    );
    expect((await resume).message).toMatch(
      /a sink that can be cut back, such as a file, got a stream that was sent/,
    );
    expect(() => arrowStreamSink('out.arrow' as never)).toThrow(/OPTION|expected a writable stream/);
  });
});
