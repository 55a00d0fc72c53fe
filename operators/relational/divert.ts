/**
 * Divert: sends the rows for which a condition holds to a sink of their own, and passes the others on.
 *
 * In      any columns
 * Out     the same columns, the rows for which the condition does not hold or is unknown; what is taken goes to `to`
 * State   the sink's position
 * Cost    O(rows) a batch, and the sink's writing, which is waited for
 * Error   COLUMN_MISSING, COLUMN_TYPE, and those of the sink
 * Nulls   where they make the condition unknown, the row is passed on
 * Differs no known difference from a side output of Flink but that it is a step
 * Source  Akidau et al., The Dataflow Model, 2015
 */
import type { AsyncOperator } from '../../src/async-operator.js';
import { optionRange } from '../../src/errors.js';
import { canonicalOptions } from '../../src/identity.js';
import { checked } from '../../src/options.js';
import type { Sink } from '../../src/sink.js';
import { condition } from './condition.js';
import { type FilterOptions, rowsWhere } from './filter.js';
import { pickRows } from './pick-rows.js';
import { SideOutput } from './side-output.js';

export interface DivertOptions {
  /** The rows to take out: a condition, or in TypeScript a function of a row. */
  readonly where: FilterOptions['where'];
  /** The sink that they go to. */
  readonly to: Sink;
}

/** Sends some of the rows to a sink of their own. Errors: OPTION_RANGE at the call, others as in the header. */
export function divert(options: DivertOptions): AsyncOperator {
  const { where, to } = checked('divert', options, [], () => check(options));
  const identity = {
    name: 'divert',
    version: 1,
    options: canonicalOptions({ where, to: to.name }),
    layout: '',
  };
  const summary = 'sends the rows for which a condition holds to a sink of their own';
  return {
    name: 'divert',
    description: { ...identity, summary, inputs: {}, outputs: {}, columns: {} },
    stateBytes: 0,
    sinks: [to],
    openAsync() {
      const side = new SideOutput(to);
      return {
        async step(batch) {
          const taken = rowsWhere('divert', batch, where);
          await side.write(pickRows(batch, taken));
          return [pickRows(batch, others(taken, batch.numRows))];
        },
        async flush() {
          await side.finish();
          return [];
        },
        snapshot: () => side.position(),
        restore: async (bytes) => side.restore(bytes),
        committed: () => side.committed(),
        close: () => side.close(),
      };
    },
  };
}

function check({ where, to }: DivertOptions): DivertOptions {
  if (typeof to?.open !== 'function') throw optionRange('', 'to', 'a sink', to);
  return { where: typeof where === 'function' ? where : condition('where', where), to };
}

/** The numbers below `count` that are not listed; `rows` ascend. */
function others(rows: Int32Array, count: number): Int32Array {
  const rest = new Int32Array(count - rows.length);
  for (let row = 0, r = 0, at = 0; row < count; row++) {
    if (rows[r] === row) r++;
    else rest[at++] = row;
  }
  return rest;
}
