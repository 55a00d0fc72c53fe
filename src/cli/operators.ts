/**
 * `chunkwise operators`: what there is, and what one of them reads, writes and needs.
 */
import { Command } from 'commander';
import * as operators from '../../operators/index.js';
import { arrowType } from '../columns.js';
import type { OperatorMaker } from '../define-operator.js';
import { backendInWords } from '../kernels/kernel.js';
import type { Operator } from '../operator.js';
import { isArrayType, isListType, type RowType, type RowTypes } from '../row-types.js';
import { bytes, table } from './format.js';
import { UsageError } from './usage-error.js';

export const operatorsCommand = () =>
  new Command('operators')
    .description('list the operators, or tell the columns, options and state of one')
    .argument('[name]', 'an operator')
    .action((name: string | undefined) => {
      process.stdout.write(`${name === undefined ? list() : details(name)}\n`);
    });

const makers = Object.entries(operators).filter(([, value]) => 'definition' in value) as [
  string,
  OperatorMaker<object>,
][];

/** Operators of whole batches: they read any schema, so no columns are defined. */
const ofBatches: readonly Pick<Operator, 'name' | 'description' | 'stateBytes'>[] = [
  operators.compressBatches(),
  operators.decompressBatches(),
  operators.eventTimeWindow({ time: 'at', windowMs: 60_000, aggregates: { rows: 'count' } }),
  operators.sql('select * from batch'),
];

function list(): string {
  const rows = [
    ...makers.map(([name, { definition }]) => [name, definition.summary]),
    ...ofBatches.map(({ name, description }) => [name, description.summary]),
  ];
  return `${table(rows)}\n\nkernels: ${backendInWords()}`;
}

function details(name: string): string {
  const maker = makers.find(([known]) => known === name)?.[1];
  const whole = ofBatches.find((operator) => operator.name === name);
  if (whole !== undefined) return detailsOfBatches(whole);
  if (maker === undefined) {
    const known = [...makers.map(([one]) => one), ...ofBatches.map((operator) => operator.name)];
    throw new UsageError(`operator '${name}' is not known, expected one of ${known.join(', ')}`);
  }
  const { definition } = maker;
  const [example] = definition.examples;
  const { description, stateBytes } = maker(example as object);
  const columns = (heading: string, types: RowTypes) =>
    Object.entries(types).map(([role, type]) => [heading, role, columnInWords(type)]);
  return [
    `${name}: ${definition.summary}`,
    '',
    table(Object.entries(definition.options).map(([option, note]) => [`  ${option}`, String(note)])),
    '',
    `with ${JSON.stringify(example)}:`,
    table([...columns('  in', description.inputs), ...columns('  out', description.outputs)]),
    table([['  state', `${bytes(stateBytes)}: ${description.layout}`]]),
  ].join('\n');
}

const detailsOfBatches = ({ name, description, stateBytes }: (typeof ofBatches)[number]): string =>
  [
    `${name}: ${description.summary}`,
    '',
    `with ${description.options}:`,
    table([['  state', bytes(stateBytes)]]),
  ].join('\n');

function columnInWords(type: RowType): string {
  const ids = isArrayType(type) || isListType(type) ? '' : ' (or Utf8, as the ids are)';
  return `${arrowType(type)}${ids}${type.optional ? ', may be absent' : ''}`;
}
