/**
 * `chunkwise inspect`: what is in an Arrow file, a compressed file, or a checkpoint.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { Command } from 'commander';
import { MAGIC } from '../../operators/compression/container.js';
import { arrowFile } from '../../sources/index.js';
import { decodeCheckpoint } from '../checkpoint.js';
import { reason, sourceFailed } from '../errors.js';
import { firstBytes } from './compression/endpoints.js';
import { inspectCompressed } from './compression/inspect-compressed.js';
import { bytes, count, table } from './format.js';

export const inspectCommand = () =>
  new Command('inspect')
    .description(
      'tell what is in an Arrow file, a compressed file, a checkpoint or a directory of checkpoints',
    )
    .argument('<file>', 'a file, or a directory of checkpoints')
    .action(async (file: string) => void process.stdout.write(`${await inspect(file)}\n`));

async function inspect(path: string): Promise<string> {
  const info = await stat(path).catch((error: unknown) => {
    throw sourceFailed('inspect', path, 'a file or directory', reason(error), error);
  });
  if (info.isDirectory()) return inspectDirectory(path);
  const first = await firstBytes(path, 8);
  if (MAGIC.every((byte, i) => first[i] === byte)) return inspectCompressed(path);
  const isCheckpoint = new TextDecoder('latin1').decode(first) === 'CHUNKWSE';
  return isCheckpoint ? inspectCheckpoint(path, new Uint8Array(await readFile(path))) : inspectArrow(path);
}

async function inspectDirectory(path: string): Promise<string> {
  const names = (await readdir(path)).filter((name) => name.endsWith('.bin')).sort();
  if (names.length === 0) throw sourceFailed('inspect', path, 'a directory of checkpoints', 'none in it');
  const parts = [];
  for (const name of names.reverse()) {
    const content = new Uint8Array(await readFile(`${path}/${name}`));
    parts.push(inspectCheckpoint(name, content));
  }
  return parts.join('\n\n');
}

function inspectCheckpoint(name: string, content: Uint8Array): string {
  const { flow, source, sink, counts, complete, steps } = decodeCheckpoint(name, content);
  const done = complete ? 'complete' : 'to be resumed';
  return [
    `${name}: checkpoint of '${flow}', ${done}, ${bytes(content.length)}`,
    table([
      ['  source', source],
      ['  sink', sink],
      ['  done', `${counts.rows} rows in ${counts.batches} batches, ${bytes(counts.bytesIn)}`],
    ]),
    table(
      steps.map(({ id, name, version, bytes: state }) => [
        '  step',
        id,
        `${name} ${version}`,
        bytes(state.length),
      ]),
    ),
  ].join('\n');
}

async function inspectArrow(path: string): Promise<string> {
  let rows = 0;
  let batches = 0;
  let fields: string[][] = [];
  const source = arrowFile(path, { batchRows: 2 ** 31 - 1 });
  for await (const { batch } of source.read(undefined, new AbortController().signal)) {
    rows += batch.numRows;
    batches++;
    fields = batch.schema.fields.map(({ name, type, nullable }) => [
      `  ${name}`,
      String(type),
      nullable ? 'nullable' : '',
    ]);
  }
  const { size } = await stat(path);
  return [`${path}: Arrow, ${count(rows)} rows in ${batches} batches, ${bytes(size)}`, table(fields)].join(
    '\n',
  );
}
