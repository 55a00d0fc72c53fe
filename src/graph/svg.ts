/**
 * A flow's graph as an SVG picture, in the light and in the dark.
 */
import type { FlowGraph, FlowNode } from './flow-graph.js';

const TITLE_PX = 14;
const NOTE_PX = 11;
const LINE_PX = 17;
const PADDING_PX = 12;
const GAP_PX = 48;
const MARGIN_PX = 16;
/** About the width of a letter, in letters' heights. */
const LETTER_WIDTH = 0.62;

const STYLE = `
  text { font-family: system-ui, sans-serif; fill: #1c2430 }
  .title { font-size: ${TITLE_PX}px; font-weight: 600 } .note { font-size: ${NOTE_PX}px; fill: #5b6675 }
  rect { stroke-width: 1.5 } path { stroke: #8a94a3; stroke-width: 1.5; fill: none } marker path { fill: #8a94a3; stroke: none }
  .source rect { fill: #e3f2ec; stroke: #3c8f6d } .step rect { fill: #eaf0fb; stroke: #4a74c4 } .sink rect { fill: #fbf0e0; stroke: #c98a2b }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6eaf0 } .note { fill: #a3adba }
    .source rect { fill: #17352a } .step rect { fill: #1a2740 } .sink rect { fill: #3a2a12 }
  }`;

interface Box {
  readonly node: FlowNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function svg(graph: FlowGraph): string {
  const columns = placed(graph);
  const boxes = columns.flat();
  const width = Math.max(...boxes.map((box) => box.x + box.width)) + MARGIN_PX;
  const height = Math.max(...boxes.map((box) => box.y + box.height)) + MARGIN_PX;
  const arrows = columns
    .slice(1)
    .flatMap((column, c) => columns[c]!.flatMap((from) => column.map((to) => arrow(from, to))));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    ...arrows,
    ...boxes.map(drawn),
    '</svg>',
    '',
  ].join('\n');
}

/** Columns from left to right, each in the middle of the picture's height. */
function placed(graph: FlowGraph): Box[][] {
  const heightOf = ({ notes }: FlowNode) => LINE_PX * (1 + notes.length) + 2 * PADDING_PX;
  const stacked = (column: readonly FlowNode[]) =>
    column.reduce((sum, node) => sum + heightOf(node) + PADDING_PX, -PADDING_PX);
  const tallest = Math.max(...graph.map(stacked));
  let x = MARGIN_PX;
  return graph.map((column) => {
    const width = Math.max(...column.map(widthOf));
    let y = MARGIN_PX + (tallest - stacked(column)) / 2;
    const boxes = column.map((node) => {
      const box = { node, x, y, width, height: heightOf(node) };
      y += box.height + PADDING_PX;
      return box;
    });
    x += width + GAP_PX;
    return boxes;
  });
}

const widthOf = ({ title, notes }: FlowNode) =>
  Math.ceil(
    2 * PADDING_PX +
      LETTER_WIDTH * Math.max(title.length * TITLE_PX, ...notes.map((note) => note.length * NOTE_PX)),
  );

function arrow(from: Box, to: Box): string {
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x - 2, to.y + to.height / 2];
  const middle = (x1 + x2) / 2;
  return `<path d="M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}" marker-end="url(#tip)"/>`;
}

function drawn({ node: { kind, title, notes }, x, y, width, height }: Box): string {
  const line = (text: string, i: number) =>
    `<text class="${i === 0 ? 'title' : 'note'}" x="${x + PADDING_PX}" y="${y + PADDING_PX + LINE_PX * (i + 0.75)}">${escaped(text)}</text>`;
  return [
    `<g class="${kind}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    ...[title, ...notes].map(line),
    '</g>',
  ].join('');
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
