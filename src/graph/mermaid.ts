/**
 * A flow's graph as Mermaid text, which Markdown viewers draw.
 */
import type { FlowGraph, FlowNode } from './flow-graph.js';

const SHAPES = { source: ['[(', ')]'], step: ['[', ']'], sink: ['[(', ')]'] } as const;

export function mermaid(graph: FlowGraph): string {
  const id = (column: number, row: number) => `n${column}_${row}`;
  const boxes = graph.flatMap((column, c) => column.map((node, r) => `  ${id(c, r)}${boxed(node)}`));
  const arrows = graph
    .slice(1)
    .flatMap((column, c) =>
      graph[c]!.flatMap((_, from) => column.map((_, to) => `  ${id(c, from)} --> ${id(c + 1, to)}`)),
    );
  return ['flowchart LR', ...boxes, ...arrows, ''].join('\n');
}

function boxed({ kind, title, notes }: FlowNode): string {
  const [open, close] = SHAPES[kind];
  return `${open}"${[title, ...notes].map(escaped).join('<br/>')}"${close}`;
}

const escaped = (text: string) =>
  text.replaceAll('&', '#amp;').replaceAll('"', '#quot;').replaceAll('<', '#lt;');
