/**
 * A dataflow as a value: where batches come from, the steps they take, where they go. It runs when asked to, as often
 * as asked to.
 */

import type { RecordBatch } from 'apache-arrow';
import type { OperatorFunction } from 'rxjs';
import { type AsyncOperator, isAsyncOperator } from './async-operator.js';
import { optionRange } from './errors.js';
import { type Flow, type Step, sinksOf } from './flow.js';
import { weakest } from './guarantee.js';
import { type Live, startLive } from './live.js';
import { isOperator, type Operator } from './operator.js';
import { runFlow } from './run.js';
import type { Report, RunOptions } from './run-options.js';
import { fromRxjs } from './rxjs-step.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import { tee } from './tee.js';
import { union } from './union.js';

/** A whole dataflow. */
export interface Dataflow extends Flow {
  /** Runs to the end of the source, or goes on from the newest checkpoint. */
  run(options?: RunOptions): Promise<Report>;
  /** Runs in the background; batches can be watched, checkpoints asked for, and it can be stopped. */
  start(options?: RunOptions): Live;
}

/** A dataflow that has a name and nothing else yet. */
export interface Beginning {
  /** Where batches come from; several sources are read in turns, a batch each. */
  from(...sources: [Source, ...Source[]]): Steps;
}

/** A dataflow that still lacks its sink. */
export interface Steps {
  /** A step with an id of its own: any step whose state should be found again, however the flow grows around it. */
  step(id: string, operator: Operator | AsyncOperator): Steps;
  /** Steps named by their place. A plain RxJS operator must be synchronous; what it remembers is in no checkpoint. */
  pipe(...operators: (Operator | AsyncOperator | OperatorFunction<RecordBatch, RecordBatch>)[]): Steps;
  /** One sink, or several that each get every batch. */
  to(...sinks: [Sink, ...Sink[]]): Dataflow;
}

/** Begins a dataflow. Several sources are read in turns, a batch each. */
export function dataflow(name: string): Beginning {
  if (typeof name !== 'string' || name === '')
    throw optionRange('dataflow', 'name', 'text that is not empty', name);
  return {
    from(...sources) {
      if (sources.length === 0) throw optionRange(name, 'from', 'at least one source', sources);
      for (const source of sources) {
        if (typeof source?.read !== 'function') throw optionRange(name, 'from', 'a source', source);
      }
      return withSteps(name, sources.length === 1 ? sources[0] : union(...sources), []);
    },
  };
}

function withSteps(name: string, source: Source, steps: readonly Step[]): Steps {
  const added = (more: readonly Step[]) => {
    for (const { id } of more) {
      if (typeof id !== 'string' || id === '') throw optionRange(name, 'step', 'an id that is not empty', id);
      const isTaken = [...steps, ...more].filter((step) => step.id === id).length > 1;
      if (isTaken) throw optionRange(name, 'step', 'an id of its own for each step', id);
    }
    return withSteps(name, source, [...steps, ...more]);
  };
  return {
    step(id, operator) {
      if (!isStep(operator)) throw optionRange(name, `step '${id}'`, 'an operator', operator);
      return added([{ id, operator }]);
    },
    pipe(...operators) {
      const placed = operators.map((given, i) => {
        const place = steps.length + i + 1;
        if (!isStep(given) && typeof given !== 'function')
          throw optionRange(name, `pipe ${place}`, 'an operator', given);
        const operator = isStep(given) ? given : fromRxjs(given);
        return { id: `${place}:${operator.description.name}`, operator };
      });
      return added(placed);
    },
    to(...sinks) {
      if (sinks.length === 0) throw optionRange(name, 'to', 'at least one sink', sinks);
      for (const sink of sinks) {
        if (typeof sink?.open !== 'function') throw optionRange(name, 'to', 'a sink', sink);
      }
      const sink = sinks.length === 1 ? sinks[0] : tee(...sinks);
      const ends = [source, ...sinksOf({ sink, steps })];
      const guarantee = weakest(ends.map((end) => end.guarantee));
      const flow = { name, source, steps, sink, ...(guarantee && { guarantee }) };
      return {
        ...flow,
        run: (options = {}) => runFlow(flow, options),
        start: (options = {}) => startLive(flow, options),
      };
    },
  };
}

const isStep = (value: unknown): value is Operator | AsyncOperator =>
  isOperator(value) || isAsyncOperator(value);
