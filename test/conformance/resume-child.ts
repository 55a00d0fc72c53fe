/**
 * The fresh process of the resume law: reads requests on stdin, runs each tail from its saved state, answers on stdout.
 */
import { text } from 'node:stream/consumers';
import { run } from '../support/outcome.js';
import { batchOf, rowsBetween } from '../support/rows.js';
import { MANY_ROWS, subjects } from './laws.js';
import type { ResumeAnswer, ResumeRequest } from './resume.js';

const base64 = (array: ArrayBufferView) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');

function answer({ label, seed, cut, state }: ResumeRequest): ResumeAnswer {
  const { operator, rows } = subjects.find((subject) => subject.label === label)!;
  const { inputs } = operator.description;
  const tail = batchOf(inputs, rowsBetween(inputs, rows(MANY_ROWS, seed), cut, MANY_ROWS));
  const from = operator.stateFrom(new Uint8Array(Buffer.from(state, 'base64'))).bytes;
  const { outputs, snapshot } = run(operator, [tail], { from });
  const encoded = Object.entries(outputs).map(([role, values]) => [role, base64(values)]);
  return { outputs: Object.fromEntries(encoded), snapshot: base64(snapshot) };
}

const requests = JSON.parse(await text(process.stdin)) as ResumeRequest[];
const answers = requests.map((request) => [request.label, answer(request)]);
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
