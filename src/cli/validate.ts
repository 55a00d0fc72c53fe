/**
 * `chunkwise validate`: whether a flow could run, without opening anything.
 */
import { Command } from 'commander';
import { graphOf } from '../graph/flow-graph.js';
import { table } from './format.js';
import { loadFlow } from './load-flow.js';

export const validateCommand = () =>
  new Command('validate')
    .description('check a flow file, with line and column of what is wrong; nothing is opened')
    .argument('<flow>', 'a .yaml, .yml or .json flow file, or a module that exports a dataflow')
    .action(async (path: string) => {
      const { flow } = await loadFlow(path);
      const boxes = graphOf(flow).flat();
      const rows = boxes.map(({ kind, title, notes }) => [`  ${kind}`, title, notes.join(' · ')]);
      process.stdout.write(`${flow.name}: valid\n${table(rows)}\n`);
    });
