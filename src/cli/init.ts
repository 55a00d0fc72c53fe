/**
 * `chunkwise init`: a flow file to begin with, made for a file of data by looking at its first rows.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { DataType, type Schema } from 'apache-arrow';
import { Command } from 'commander';
import { arrowFile, csvFile, jsonLines, parquetFile } from '../../sources/index.js';
import type { Source } from '../source.js';
import { UsageError } from './usage-error.js';

/** The source of each kind of file, by what its name ends with. */
const SOURCES: Readonly<Record<string, (path: string) => Source>> = {
  '.csv': csvFile,
  '.jsonl': jsonLines,
  '.ndjson': jsonLines,
  '.parquet': parquetFile,
  '.arrow': arrowFile,
};

/** More numbers than these would make the file hard to read. */
const MOST_COLUMNS = 16;

interface InitOptions {
  readonly output?: string;
  readonly force?: boolean;
}

export const initCommand = () =>
  new Command('init')
    .description('write a flow file to begin with, for a CSV, JSON lines, Parquet or Arrow file')
    .argument('<data>', 'a file of data; its first rows tell the columns')
    .option('-o, --output <file>', 'write to a file instead of standard output')
    .option('-f, --force', 'overwrite an existing file')
    .action(async (path: string, { output, force = false }: InitOptions) => {
      const text = starterFlow(path, await schemaOf(path));
      if (output === undefined) process.stdout.write(text);
      else if (existsSync(output) && !force) {
        throw new UsageError(`'${output}', expected a new file, or --force, got a file that exists`);
      } else writeFileSync(output, text);
    });

async function schemaOf(path: string): Promise<Schema> {
  const make = SOURCES[extname(path)];
  if (make === undefined) {
    const known = Object.keys(SOURCES).join(', ');
    throw new UsageError(`'${path}', expected a file that ends with one of ${known}, got '${extname(path)}'`);
  }
  const end = new AbortController();
  for await (const { batch } of make(path).read(undefined, end.signal)) return batch.schema;
  throw new UsageError(`'${path}', expected rows, got none`);
}

function starterFlow(path: string, { fields }: Schema): string {
  const name = basename(path, extname(path));
  const numbers = fields.filter(({ type }) => DataType.isInt(type) || DataType.isFloat(type));
  const chosen = numbers.slice(0, MOST_COLUMNS).map(({ name: column }) => JSON.stringify(column));
  const columns = fields.map(({ name: column, type }) => `#   ${column}: ${type}`);
  const source = SOURCES[extname(path)]!.name;
  return [
    '# yaml-language-server: $schema=./node_modules/chunkwise/dist/flow.schema.json',
    `name: ${JSON.stringify(name)}`,
    'source:',
    `  ${source}: { path: ${JSON.stringify(path)} }`,
    `# It has ${fields.length} columns:`,
    ...columns,
    ...(chosen.length === 0 ? ['steps: []'] : scaled(chosen)),
    'sink:',
    `  jsonLinesSink: { path: ${JSON.stringify(`${name}.out.jsonl`)} }`,
    `checkpoint: { directory: ${JSON.stringify(`${name}.ckpt`)} }`,
    '',
  ].join('\n');
}

/** Numbers as deviations from what was usual so far: what most models of a stream begin with. */
const scaled = (columns: readonly string[]) => [
  'steps:',
  '  # Rows that lack one of these numbers are left out.',
  '  - filter:',
  '      where:',
  '        and:',
  ...columns.map((column) => `          - { column: ${column}, isNull: false }`),
  '  # Each number as its deviation from the mean of the rows so far, in standard deviations.',
  '  - id: scale',
  `    standardize: { of: [${columns.join(', ')}] }`,
  '    # With one state for each value of a column: perKey: { column: user, maxKeys: 100000 }',
  '  # More steps: chunkwise operators',
];
