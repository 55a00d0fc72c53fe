/**
 * The fresh process of the resume law: reads requests on stdin, runs each tail from its saved state, answers on stdout.
 */
import { buffer } from 'node:stream/consumers';
import { deserialize, serialize } from 'node:v8';
import { type Outcome, run } from '../support/outcome.js';
import { batchOf, rowsBetween } from '../support/rows.js';
import { MANY_ROWS, subjects } from './laws.js';
import type { ResumeRequest } from './resume.js';

function answer({ label, seed, cut, state }: ResumeRequest): Outcome {
  const { operator, rows } = subjects.find((subject) => subject.label === label)!;
  const { inputs } = operator.description;
  const tail = batchOf(inputs, rowsBetween(inputs, rows(MANY_ROWS, seed), cut, MANY_ROWS));
  return run(operator, [tail], { from: operator.stateFrom(state).bytes });
}

const requests = deserialize(await buffer(process.stdin)) as ResumeRequest[];
process.stdout.write(serialize(new Map(requests.map((request) => [request.label, answer(request)]))));
