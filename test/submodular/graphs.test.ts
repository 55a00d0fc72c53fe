/**
 * Who reaches most of a graph together, while the chosen ones leave it: summaries of nodes by their neighbourhoods.
 */
import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../operators/submodular/algorithm.js';
import { setValue } from '../../operators/submodular/naive.js';
import type { Element, Objective } from '../../operators/submodular/objective.js';
import { coverage } from '../../operators/submodular/objectives/coverage.js';
import { graphCut } from '../../operators/submodular/objectives/graph-cut.js';
import type { World } from '../../operators/submodular/oracle.js';
import type { Summary } from '../../operators/submodular/summary.js';
import { airports, type Graph, miserables, preferentialAttachment } from '../support/graphs.js';
import { uniform } from '../support/property.js';
import { summaryOf, withFeatures, withItems } from '../support/submodular.js';
import { defaults, exact, levels, swap } from '../support/submodular-algorithms.js';
import { greedyValue } from '../support/submodular-measure.js';

/** Each node as an element, and what a set of them is worth. */
interface Nodes {
  readonly elements: readonly Element[];
  readonly objective: Objective;
}

/** A node covers itself and its neighbours: how many do the chosen reach? */
const reach = (graph: Graph): Nodes => ({
  elements: graph.map((neighbours, node) => withItems([node, ...neighbours])),
  objective: coverage({ maxItems: graph.length }),
});

/** Two nodes are alike by the neighbours that they share: like many, unlike each other. */
function cut(graph: Graph): Nodes {
  const row = (neighbours: ReadonlySet<number>, node: number) =>
    Float32Array.from(graph, (_, other) => (other === node || neighbours.has(other) ? 1 : 0));
  const rows = graph.map(row);
  return {
    elements: rows.map(withFeatures),
    objective: graphCut({ dim: graph.length, ground: rows, lambda: 1 }),
  };
}

interface Attacked {
  readonly summary: Summary;
  /** Value over that of lazy greedy on the nodes that are left, after each update that was compared. */
  readonly ratios: readonly number[];
  readonly certified: number;
  readonly callsMean: number;
}

/** All nodes come; then a chosen one leaves, again and again, and every third time one that has left comes back. */
function attacked(
  { elements, objective }: Nodes,
  algorithm: (world: World) => Algorithm,
  { k, updates, compareEvery }: { k: number; updates: number; compareEvery: number },
): Attacked {
  const summary = summaryOf(objective, k, algorithm, { maxElements: elements.length });
  for (const [node, element] of elements.entries()) summary.insert(BigInt(node), element);
  const random = uniform(3);
  const left: bigint[] = [];
  const ratios: number[] = [];
  let [certified, calls] = [0, 0];
  summary.answer();
  for (let update = 0; update < updates; update++) {
    if (update % 3 === 2) {
      const back = left.shift()!;
      summary.insert(back, elements[Number(back)]!);
    } else {
      const { selected } = summary.answer();
      left.push(selected[Math.floor(selected.length * random())] as bigint);
      summary.delete(left.at(-1)!);
    }
    const answer = summary.answer();
    calls += answer.oracleCalls;
    certified += answer.certified ? 1 : 0;
    if (update % compareEvery === 0) ratios.push(answer.value / greedyValue(summary, k));
  }
  return { summary, ratios, certified: certified / updates, callsMean: calls / updates };
}

const least = ({ ratios }: Attacked) => Math.min(...ratios);

describe.each([
  ['the characters of Les Misérables', miserables(), 77, 254],
  ['the airports of the United States', airports(), 305, 2834],
] as const)('%s', (_, graph, nodes, edges) => {
  const attack = { k: 8, updates: 60, compareEvery: 1 };

  it('are as many as they should be', () => {
    expect(graph.length).toBe(nodes);
    expect(graph.reduce((sum, { size }) => sum + size, 0) / 2).toBe(edges);
  });

  it.each([
    ['reach', reach],
    ['cut', cut],
  ] as const)('are summarised about as well as by greedy while the chosen ones leave: %s', (__, view) => {
    const certain = attacked(view(graph), exact, attack);
    expect(certain.certified).toBe(1);
    expect(least(certain)).toBeGreaterThanOrEqual(0.95);
    expect(least(attacked(view(graph), defaults, attack))).toBeGreaterThanOrEqual(0.95);
    expect(least(attacked(view(graph), swap, attack))).toBeGreaterThanOrEqual(0.85);
    expect(least(attacked(view(graph), levels, attack))).toBeGreaterThanOrEqual(0.5);
  });

  it('reach no more than the answer says', () => {
    const { elements, objective } = reach(graph);
    const { summary } = attacked({ elements, objective }, defaults, attack);
    const { selected, value } = summary.answer();
    expect(value).toBe(setValue(objective, elements, selected.map(Number)));
  });
});

describe('a graph of 100,000 nodes by preferential attachment', () => {
  it('keeps its hubs in few calls, while hubs leave', () => {
    const nodes = reach(preferentialAttachment(100_000, 5, 1));
    const found = attacked(nodes, defaults, { k: 20, updates: 120, compareEvery: 20 });
    expect(least(found)).toBeGreaterThanOrEqual(0.95);
    expect(found.callsMean).toBeLessThanOrEqual(100);
  });
});
