/**
 * Graphs as elements: a node is its neighbourhood. Two are real, from the data sets of Vega: which characters of Les Misérables
 * meet in a chapter (D. Knuth), and which airports of the United States have flights between them (2008). One is drawn, for size.
 */
import { readFileSync } from 'node:fs';
import { uniform } from './property.js';

/** Neighbours by node, each once, without the node itself. */
export type Graph = readonly ReadonlySet<number>[];

const DATA = 'node_modules/vega-datasets/data';

function graphOf(nodes: number, edges: Iterable<readonly [number, number]>): Graph {
  const graph = Array.from({ length: nodes }, () => new Set<number>());
  for (const [a, b] of edges) {
    if (a === b) continue;
    graph[a]!.add(b);
    graph[b]!.add(a);
  }
  return graph;
}

/** 77 characters, 254 meetings. */
export function miserables(): Graph {
  const { nodes, links } = JSON.parse(readFileSync(`${DATA}/miserables.json`, 'utf8')) as {
    nodes: readonly unknown[];
    links: readonly { source: number; target: number }[];
  };
  return graphOf(
    nodes.length,
    links.map(({ source, target }) => [source, target] as const),
  );
}

/** 305 airports, 2,834 pairs of which have flights between them. */
export function airports(): Graph {
  const [, ...lines] = readFileSync(`${DATA}/flights-airport.csv`, 'utf8').trim().split('\n');
  const numbers = new Map<string, number>();
  const numberOf = (code: string) => {
    if (!numbers.has(code)) numbers.set(code, numbers.size);
    return numbers.get(code)!;
  };
  const edges = lines.map((line) => {
    const [origin, destination] = line.split(',') as [string, string];
    return [numberOf(origin), numberOf(destination)] as const;
  });
  return graphOf(numbers.size, edges);
}

/**
 * Preferential attachment (Barabási, Albert 1999): each node comes with `degree` edges to earlier ones, which are the likelier
 * the more they have. An end of an edge that is drawn at random is such a node.
 */
export function preferentialAttachment(nodes: number, degree: number, seed: number): Graph {
  const random = uniform(seed);
  const edges: [number, number][] = [];
  for (let node = 1; node < nodes; node++) {
    const before = edges.length;
    for (let i = 0; i < Math.min(degree, node); i++) {
      const edge = before === 0 ? undefined : edges[Math.floor(before * random())];
      edges.push([node, edge === undefined ? 0 : edge[random() < 0.5 ? 0 : 1]]);
    }
  }
  return graphOf(nodes, edges);
}
