/**
 * `chunkwise graph`: draws a flow.
 */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { graphOf } from '../graph/flow-graph.js';
import { mermaid } from '../graph/mermaid.js';
import { svg } from '../graph/svg.js';
import { loadFlow } from './load-flow.js';

interface GraphOptions {
  readonly format?: 'svg' | 'mermaid';
  readonly output?: string;
}

export const graphCommand = () =>
  new Command('graph')
    .description('draw a flow as an SVG picture or as Mermaid text')
    .argument('<flow>', 'a flow file, or a module that exports a dataflow')
    .addOption(
      new Option(
        '--format <format>',
        'svg or mermaid (default: by the name of the output, else mermaid)',
      ).choices(['svg', 'mermaid']),
    )
    .option('-o, --output <file>', 'write to a file instead of standard output')
    .action(async (path: string, { format, output }: GraphOptions) => {
      const graph = graphOf((await loadFlow(path)).flow);
      const isSvg = (format ?? (output?.endsWith('.svg') ? 'svg' : 'mermaid')) === 'svg';
      const drawing = isSvg ? svg(graph) : mermaid(graph);
      if (output === undefined) process.stdout.write(drawing);
      else writeFileSync(output, drawing);
    });
