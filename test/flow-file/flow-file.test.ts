/**
 * Flow files: what they make, and where they say what is wrong.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as operators from '../../operators/index.js';
import * as sinks from '../../sinks/index.js';
import * as sources from '../../sources/index.js';
import { DataflowError } from '../../src/errors.js';
import { flowFromText, flowSchema, type References } from '../../src/flow-file/index.js';
import { csvFile, csvSink, dataflow, perKey, rebatch, retention } from '../../src/index.js';

const directory = mkdtempSync(join(tmpdir(), 'chunkwise-flow-file-'));
afterAll(() => rmSync(directory, { recursive: true }));

const input = join(directory, 'in.csv');
writeFileSync(
  input,
  `user,x\n${Array.from({ length: 100 }, (_, i) => `${'abc'[i % 3]},${i / 8}`).join('\n')}\n`,
);

const references = (environment: Record<string, string> = {}): References => ({
  environment,
  readFile: (path) => readFileSync(path, 'utf8'),
});

const flowOf = async (text: string, environment?: Record<string, string>) =>
  flowFromText('flow.yaml', text, references(environment));

/** A flow with these lines for its steps. */
const withSteps = (...lines: string[]) =>
  [
    'name: daily',
    'source: { csvFile: { path: in.csv } }',
    'steps:',
    ...lines,
    'sink: { csvSink: { path: out.csv } }',
  ].join('\n');

async function errorOf(text: string, environment?: Record<string, string>): Promise<DataflowError> {
  const error = await flowOf(text, environment).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataflowError);
  return error as DataflowError;
}

describe('a flow file', () => {
  it('is the flow that TypeScript would write, bytes and all', async () => {
    const [fromFile, fromCode] = [join(directory, 'file.csv'), join(directory, 'code.csv')];
    const step = { keyDim: 1, valueDim: 1, columns: { q: 'x', k: 'x', v: 'x' } };
    const { flow } = await flowOf(`
name: daily
source: { csvFile: { path: ${input}, batchRows: 7 } }
steps:
  - rebatch: { rows: 16 }
  - id: memory
    retention: ${JSON.stringify(step)}
    perKey: { column: user, maxKeys: 10 }
sink: { csvSink: { path: ${fromFile} } }
`);
    const same = dataflow('daily')
      .from(csvFile(input, { batchRows: 7 }))
      .pipe(rebatch({ rows: 16 }))
      .step('memory', perKey('user', retention(step), { maxKeys: 10 }))
      .to(csvSink(fromCode));
    expect((await flow.run()).rows).toBe(100);
    await same.run();
    expect(readFileSync(fromFile, 'utf8')).toBe(readFileSync(fromCode, 'utf8'));
    expect(flow.steps.map(({ id, operator }) => [id, operator.description])).toEqual(
      same.steps.map(({ id, operator }) => [id, operator.description]),
    );
  });

  it('takes several sources in turns, several sinks, and a sink inside of options', async () => {
    const { flow } = await flowOf(`
name: many
source:
  - csvFile: { path: ${input}, badRows: { jsonLinesSink: { path: ${join(directory, 'rejects.jsonl')} } } }
  - csvFile: { path: ${input} }
sink:
  - csvSink: { path: ${join(directory, 'a.csv')} }
  - jsonLinesSink: { path: ${join(directory, 'b.jsonl')} }
`);
    expect((await flow.run()).rows).toBe(200);
    expect(readFileSync(join(directory, 'b.jsonl'), 'utf8').split('\n')).toHaveLength(201);
    expect(readFileSync(join(directory, 'rejects.jsonl'), 'utf8')).toBe('');
  });

  it('says how it wants to be run', async () => {
    const { checkpoint, limits } = await flowOf(
      `${withSteps('  - rebatch: { rows: 5 }')}\ncheckpoint: { directory: ckpt, everyBatches: 8 }\nlimits: { credit: 4 }`,
    );
    expect(checkpoint).toEqual({ directory: 'ckpt', everyBatches: 8 });
    expect(limits).toEqual({ credit: 4 });
  });
});

describe('errors of a flow file', () => {
  it.each([
    ['a word that is none', ['  - rebatsch: { rows: 5 }'], '4:5', "did you mean 'rebatch'?"],
    ['an option that is none', ['  - rebatch: { rows: 5, bites: 7 }'], '4:25', "did you mean 'bytes'?"],
    [
      'a wrong type',
      ['  - rebatch:', '      rows: many'],
      '5:13',
      'steps[0].rebatch.rows, expected a number, got "many"',
    ],
    [
      'a value out of range',
      ['  - rebatch: { rows: 0 }'],
      '4:22',
      'expected an integer in 1 … 2147483647, got 0',
    ],
    ['a missing option', ['  - retention: { keyDim: 4 }'], '4:16', "expected 'valueDim'"],
    [
      'two words at once',
      ['  - rebatch: { rows: 5 }', '    softmax: { dim: 5 }'],
      '4:5',
      'expected one step, got rebatch, softmax',
    ],
    ['no word', ['  - id: empty'], '4:5', 'expected one step, got none'],
    [
      'what a wrapper refuses',
      ['  - rebatch: { rows: 5 }', '    perKey: { column: a, maxKeys: 5 }'],
      '5:13',
      'perKey: option operator, expected an operator that gives a row for each row',
    ],
  ])('%s is told with line and column', async (_, lines, place, what) => {
    const error = await errorOf(withSteps(...lines));
    expect(error.code).toBe('OPTION_RANGE');
    expect(error.message).toContain(`flow.yaml:${place}: `);
    expect(error.message).toContain(what);
    expect(error.at).toMatchObject({ file: 'flow.yaml', line: Number(place.split(':')[0]) });
  });

  it.each([
    ['YAML that is none', 'name: [', /flow.yaml:1:\d+: YAML/],
    ['nothing at all', '', /flow.yaml:1:1: the flow, expected an object/],
    ['no sink', 'name: a\nsource: { csvFile: { path: x } }', /expected 'sink'/],
    [
      'an empty list of sources',
      'name: a\nsource: []\nsink: { csvSink: { path: x } }',
      /flow.yaml:2:9: source/,
    ],
  ])('%s is told', async (_, text, message) => {
    expect((await errorOf(text)).message).toMatch(message);
  });
});

describe('references', () => {
  const source = (path: string, more = '') =>
    `name: a\nsource: { csvFile: { path: ${path} } }\n${more}sink: { csvSink: { path: out.csv } }`;

  it('are numbers where numbers are asked for, and texts where texts are', async () => {
    const text = source('"${PLACE}"', 'steps: [{ rebatch: { rows: "${ROWS}" } }]\n');
    const { flow } = await flowOf(text, { PLACE: '12345', ROWS: '250' });
    expect(JSON.parse(flow.steps[0]!.operator.description.options)).toMatchObject({ rows: 250 });
    expect((await errorOf(text, { PLACE: 'x', ROWS: 'many' })).message).toContain('got "${ROWS}"');
  });

  it('fall back to a default, and are an error without one', async () => {
    await flowOf(source('"${PLACE:-in.csv}"'));
    const error = await errorOf(source('"${PLACE}"'));
    expect(error.message).toContain(
      'flow.yaml:2:28: ${PLACE}, expected environment variable PLACE to be set',
    );
  });

  it('read a file, and leave $${ alone', async () => {
    const secret = join(directory, 'secret');
    writeFileSync(secret, `${join(directory, 'nowhere.csv')}\n`);
    const { flow, masked } = await flowOf(source(`"\${file:${secret}}"`));
    const error = masked(await flow.run().catch((thrown: unknown) => thrown)) as DataflowError;
    expect(error.message).toContain(`\${file:${secret}}`);
    expect(error.message).not.toContain('nowhere.csv');
    expect((await errorOf(source('"${file:/no/such/file}"'))).message).toContain('a file that can be read');
    await flowOf(source('"$${HOME}.csv"'));
  });

  it('are never shown, neither in what is wrong with the file nor in what fails later', async () => {
    const hidden = 'hunter2-hunter2';
    const wrong = await errorOf(source('a.csv', 'steps: [{ rebatch: { rows: "${PASSWORD}" } }]\n'), {
      PASSWORD: hidden,
    });
    expect(wrong.message).not.toContain(hidden);
    const { flow, masked } = await flowOf(source('"${PASSWORD}"'), { PASSWORD: hidden });
    const late = masked(await flow.run().catch((thrown: unknown) => thrown)) as Error;
    expect(late.message).toContain("'${PASSWORD}'");
    expect(`${late.message}${late.stack}`).not.toContain(hidden);
  });
});

describe('the JSON Schema', () => {
  const { definitions } = flowSchema as {
    definitions: Record<string, { properties: Record<string, unknown> }>;
  };
  const names = (kind: string) => Object.keys(definitions[kind]!.properties);

  it('has every source, sink and operator whose options JSON can hold', () => {
    const memoryOnly = ['fromTable', 'collect'];
    const connectors = (all: object) =>
      Object.entries(all).flatMap(([name, value]) =>
        typeof value === 'function' && !memoryOnly.includes(name) ? [name] : [],
      );
    expect(names('source')).toEqual(expect.arrayContaining(connectors(sources)));
    expect(names('sink')).toEqual(expect.arrayContaining(connectors(sinks)));
    const makers = Object.entries(operators).flatMap(([name, value]) =>
      'definition' in value ? [name] : [],
    );
    expect(names('step')).toEqual(
      expect.arrayContaining([...makers, 'rebatch', 'perKey', 'slidingWindow', 'id']),
    );
  });

  it('is what is published for editors, and a schema by itself', () => {
    const published = JSON.parse(readFileSync('dist/flow.schema.json', 'utf8'));
    expect(published).toEqual(flowSchema);
    const validate = new Ajv({ strict: false }).compile(published);
    expect(validate(parse(withSteps('  - rebatch: { rows: 5 }')))).toBe(true);
    expect(validate(parse(withSteps('  - rebatch: { rows: [] }')))).toBe(false);
  });
});
