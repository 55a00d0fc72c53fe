import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Field, Int32, makeData, RecordBatch, Schema, Struct, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { avroFileSink } from '../../sinks/index.js';
import { avroFile } from '../../sources/index.js';
import {
  cells,
  errorOf,
  everyType,
  expectResumable,
  expectSameBytes,
  readAll,
  rowsOf,
  scratch,
  withColumns,
  withFlippedBits,
  writeAll,
} from '../sources/helpers.js';

const avsc = createRequire(import.meta.url)('avsc') as typeof import('avsc');
const at = scratch();
const REFUSED = ['sparse', 'dense'];

/** Columns of every type that Avro can hold. */
function storable(rows: number, seed = 0): RecordBatch {
  const batch = everyType(rows, seed);
  return withColumns(
    batch,
    batch.schema.names.map(String).filter((name) => !REFUSED.includes(name)),
  );
}

/** The rows of a file as avsc reads them. */
function readByAvsc(path: string): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const rows: Record<string, unknown>[] = [];
    avsc
      .createFileDecoder(path)
      .on('data', (row: Record<string, unknown>) => rows.push(row))
      .on('error', reject)
      .on('end', () => resolve(rows));
  });
}

/** Writes rows by avsc. */
function writeByAvsc(
  path: string,
  schema: object,
  rows: readonly unknown[],
  codec = 'deflate',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const encoder = avsc.createFileEncoder(path, schema as never, { codec, blockSize: 300 } as never);
    for (const row of rows) encoder.write(row);
    encoder.end();
    encoder.on('error', reject);
    setTimeout(resolve, 150);
  });
}

const batches = [storable(65), storable(1, 3), storable(100, 7).slice(13, 77), storable(0), storable(40, 2)];

describe('avroFileSink', () => {
  it.each(['null', 'deflate'] as const)('keeps every value of every type, codec %s', async (codec) => {
    const path = at(`types-${codec}.avro`);
    await writeAll(avroFileSink(path, { codec, blockBytes: 2000 }), batches);
    expect(await rowsOf(avroFile(path))).toEqual(cells(batches));
    expect(await readByAvsc(path)).toHaveLength(cells(batches).length);
  });

  it('is read by avsc with the same values', async () => {
    const names = ['int8', 'text', 'bool', 'list', 'struct', 'map', 'bytes', 'fixed', 'day', 'dictionary'];
    const batch = withColumns(everyType(30), names);
    await writeAll(avroFileSink(at('avsc.avro')), [batch]);
    const rows = await readByAvsc(at('avsc.avro'));
    expect(rows).toHaveLength(30);
    const plain = (value: unknown): unknown => {
      if (value === null || typeof value !== 'object') return value;
      if (value instanceof Uint8Array) return [...value];
      if (Array.isArray(value)) return value.map(plain);
      const entries = Object.entries(value as object);
      return Object.fromEntries(entries.map(([key, inner]) => [key, plain(inner)]));
    };
    const expected = (name: string, row: number): unknown => {
      const value = batch.getChild(name)!.get(row);
      if (value === null) return null;
      if (name === 'day') return Number(value) / 86_400_000;
      if (name === 'list') return [...value];
      if (name === 'struct') return value.toJSON();
      if (name === 'map') return Object.fromEntries(value);
      return plain(value);
    };
    rows.forEach((row, r) => {
      for (const name of names) expect(plain(row[name]), `${name} of row ${r}`).toEqual(expected(name, r));
    });
  });

  it('has the same bytes however often it was stopped and resumed', async () => {
    for (const blockBytes of [1, 700, 2 ** 20]) {
      await expectSameBytes(
        (path) => avroFileSink(path, { blockBytes, overwrite: true }),
        (name) => at(`${blockBytes}-${name}`),
        batches,
      );
    }
  });

  it('has the same bytes however the rows are cut', async () => {
    const whole = storable(90);
    await writeAll(avroFileSink(at('one'), { blockBytes: 1000 }), [whole]);
    await writeAll(
      avroFileSink(at('many'), { blockBytes: 1000 }),
      [0, 7, 8, 50].map((from, i, all) => whole.slice(from, all[i + 1] ?? 90)),
    );
    expect(readFileSync(at('many')).equals(readFileSync(at('one')))).toBe(true);
  });

  it('refuses what Avro cannot hold, by name', async () => {
    const one = (name: string, type = new Int32()) => {
      const field = new Field(name, type, true);
      const data = makeData({
        type: new Struct([field]),
        length: 1,
        children: [vectorFromArray([1], type).data[0]!],
      });
      return new RecordBatch(new Schema([field]), data);
    };
    for (const [batch, column] of [
      [withColumns(everyType(3), ['dense']), 'dense'],
      [one('a b'), 'a b'],
    ] as const) {
      expect(await errorOf(writeAll(avroFileSink(at('refused')), [batch]))).toMatchObject({
        code: 'COLUMN_TYPE',
        at: { column },
      });
    }
    expect(await errorOf(writeAll(avroFileSink(at('none')), []))).toMatchObject({ code: 'SINK_FAILED' });
  });
});

describe('avroFile', () => {
  const schema = {
    type: 'record',
    name: 'Row',
    namespace: 'test',
    fields: [
      { name: 'n', type: 'long' },
      { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } },
      { name: 'other', type: 'Kind' },
      { name: 'maybe', type: ['string', 'null'] },
      { name: 'many', type: { type: 'array', items: 'double' } },
      { name: 'by', type: { type: 'map', values: ['null', 'int'] } },
    ],
  };
  const rows = Array.from({ length: 50 }, (_, i) => ({
    n: i * 2 ** 40 - 7,
    kind: i % 2 ? 'A' : 'B',
    other: 'A',
    maybe: i % 3 ? `m${i}` : null,
    many: Array.from({ length: i % 4 }, (_, j) => j / 3),
    by: i % 5 ? { [`k${i}`]: i, z: null } : {},
  }));

  it.each(['null', 'deflate'])('reads what avsc writes, codec %s', async (codec) => {
    await writeByAvsc(at(`by-${codec}.avro`), schema, rows, codec);
    const source = avroFile(at(`by-${codec}.avro`), { batchRows: 7 });
    const read = (await readAll(source)).flatMap(({ batch }) => [...batch].map((row) => row!.toJSON()));
    const plain = read.map((row) => ({
      ...row,
      n: Number(row.n),
      many: [...row.many],
      by: Object.fromEntries(row.by),
    }));
    expect(plain).toEqual(rows);
    await expectResumable(source);
  });

  it('goes on from any position in files of many types', async () => {
    await writeAll(avroFileSink(at('resume.avro'), { blockBytes: 1000 }), batches);
    await expectResumable(avroFile(at('resume.avro'), { batchRows: 16 }));
  });

  it('refuses unions and types inside of themselves by name', async () => {
    const inside = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] };
    await writeByAvsc(at('inside.avro'), inside, [{ next: null }]);
    expect(await errorOf(readAll(avroFile(at('inside.avro'))))).toMatchObject({ code: 'COLUMN_TYPE' });
    const union = { type: 'record', name: 'U', fields: [{ name: 'u', type: ['int', 'string'] }] };
    await writeByAvsc(at('union.avro'), union, [{ u: 1 }]);
    expect(await errorOf(readAll(avroFile(at('union.avro'))))).toMatchObject({
      code: 'COLUMN_TYPE',
      at: { column: 'u' },
    });
  });

  it('tells a file that was cut off', async () => {
    await writeAll(avroFileSink(at('cut.avro'), { blockBytes: 500 }), [
      withColumns(everyType(60), ['int64', 'text']),
    ]);
    const whole = readFileSync(at('cut.avro'));
    let cuts = 0;
    for (let length = 5; length < whole.length; length += 7) {
      writeFileSync(at('short.avro'), whole.subarray(0, length));
      const error = await readAll(avroFile(at('short.avro'))).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error === undefined) continue;
      expect(error, `${length}`).toMatchObject({ code: 'TRUNCATED_INPUT' });
      cuts++;
    }
    expect(cuts).toBeGreaterThan(whole.length / 7 - 10);
    writeFileSync(at('short.avro'), 'no Avro');
    expect(await errorOf(readAll(avroFile(at('short.avro'))))).toMatchObject({ code: 'CORRUPT_INPUT' });
  });

  it('ends damaged files in rows or in an error of ours, and never hangs', async () => {
    for (const codec of ['null', 'deflate'] as const) {
      for (const damaged of withFlippedBits(readFileSync(at(`types-${codec}.avro`)), 150)) {
        writeFileSync(at('damaged.avro'), damaged);
        const error = await readAll(avroFile(at('damaged.avro'))).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error !== undefined) expect(error).toMatchObject({ at: { file: at('damaged.avro') } });
      }
    }
  });

  it('holds a block to its limit, packed and unpacked', async () => {
    for (const codec of ['null', 'deflate'] as const) {
      const source = avroFile(at(`types-${codec}.avro`), { maxBlockBytes: 1500 });
      expect(await errorOf(readAll(source))).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    }
  });
});
