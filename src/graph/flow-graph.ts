/**
 * A flow as boxes and arrows: what `chunkwise graph` draws.
 */
import type { Flow } from '../flow.js';
import type { Description } from '../operator.js';

/** One box: a source, a step or a sink. */
export interface FlowNode {
  readonly kind: 'source' | 'step' | 'sink';
  readonly title: string;
  /** What is said below the title. */
  readonly notes: readonly string[];
}

/** Boxes by column, from left to right: all of one column lead to all of the next. */
export type FlowGraph = readonly (readonly FlowNode[])[];

/** The boxes of a flow. Several sources or sinks stand above one another. */
export function graphOf({ source, steps, sink }: Flow): FlowGraph {
  return [
    partsOf(source.name, 'union').map((title) => ({
      kind: 'source',
      title,
      notes: notesOf(source.guarantee),
    })),
    ...steps.map(({ id, operator: { description, stateBytes } }): FlowNode[] => [
      {
        kind: 'step',
        title: titleOf(description),
        notes: [
          ...(id.includes(':') ? [] : [`id ${id}`]),
          ...columnsOf(description),
          ...(stateBytes > 0 ? [`state ${stateBytes.toLocaleString('en')} bytes`] : []),
        ],
      },
    ]),
    partsOf(sink.name, 'tee').map((title) => ({ kind: 'sink', title, notes: notesOf(sink.guarantee) })),
  ];
}

/** What an operator is called; one per key is called by the operator inside. */
function titleOf({ name, options }: Description): string {
  if (name !== 'perKey') return name;
  const inside = JSON.parse(options) as { readonly name: string; readonly column: string };
  return `${inside.name} per ${inside.column}`;
}

const notesOf = (note: string | undefined) => (note === undefined ? [] : [note]);

/** The columns that are read and written, by their names. */
function columnsOf({ inputs, outputs, columns }: Description): string[] {
  const named = (roles: object) => [...new Set(Object.keys(roles).map((role) => columns[role] ?? role))];
  const [read, written] = [named(inputs), named(outputs)];
  return read.length + written.length === 0 ? [] : [`${read.join(', ')} → ${written.join(', ')}`];
}

/** `union(a, b)` as a and b. */
function partsOf(name: string, joined: string): string[] {
  return name.startsWith(`${joined}(`) ? name.slice(joined.length + 1, -1).split(', ') : [name];
}
