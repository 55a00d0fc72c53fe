/**
 * Resume: a state saved at any row goes on in another operator, and in another process, as if nothing had happened.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { applyTo } from '../../src/apply.js';
import { stateFromSnapshot } from '../../src/define-operator.js';
import { expectSameOutcome } from '../support/compare.js';
import { type Outcome, outputsOf, run } from '../support/outcome.js';
import { campaign, seeds } from '../support/property.js';
import { batchOf, rowsBetween } from '../support/rows.js';
import { type LawCheck, MANY_ROWS, type Subject, skipReason, subjects } from './laws.js';

/** What a run makes of the rows after `cut`, in one go and from the state saved there. */
function aroundCut(subject: Subject, seed: number, cut: number) {
  const { operator } = subject;
  const { inputs } = operator.description;
  const rows = subject.rows(MANY_ROWS, seed);
  const head = batchOf(inputs, rowsBetween(inputs, rows, 0, cut));
  const tail = batchOf(inputs, rowsBetween(inputs, rows, cut, MANY_ROWS));
  const state = stateFromSnapshot(operator, run(operator, [head]).snapshot);
  return { head, tail, state, expected: uninterrupted(subject, head, tail) };
}

/** One run over both, of which the tail's outputs are kept. */
function uninterrupted({ operator }: Subject, head: ReturnType<typeof batchOf>, tail: typeof head): Outcome {
  const open = operator.open();
  open.step(head, () => {});
  const emitted: (typeof head)[] = [];
  open.step(tail, (batch) => emitted.push(batch));
  const snapshot = open.snapshot();
  open.flush((batch) => emitted.push(batch));
  return { outputs: outputsOf(operator, emitted), snapshot };
}

const cuts = fc.integer({ min: 0, max: MANY_ROWS });

const freshOperator: LawCheck = {
  law: 'resume',
  statement: 'goes on from saved bytes in a fresh operator bit for bit',
  check(subject) {
    fc.assert(
      fc.property(seeds, cuts, (seed, cut) => {
        const { tail, state, expected } = aroundCut(subject, seed, cut);
        const fresh = subject.again();
        const from = fresh.stateFrom(state.toBytes()).bytes;
        expectSameOutcome(run(fresh, [tail], { from }), expected, `after row ${cut}`);
      }),
      campaign(2),
    );
  },
};

const usedOperator: LawCheck = {
  law: 'resume',
  statement: 'forgets what an opened operator has seen when it is restored',
  check(subject) {
    const { operator } = subject;
    const { head, tail, state, expected } = aroundCut(subject, 11, 137);
    const open = operator.open();
    open.step(tail, () => {});
    open.step(head, () => {});
    open.restore(state.bytes);
    const emitted: (typeof tail)[] = [];
    open.step(tail, (batch) => emitted.push(batch));
    const snapshot = open.snapshot();
    open.flush((batch) => emitted.push(batch));
    expectSameOutcome({ outputs: outputsOf(operator, emitted), snapshot }, expected, 'restored over');
  },
};

const appliedInTwo: LawCheck = {
  law: 'resume',
  statement: 'goes on from the final state of an earlier applyTo',
  check(subject) {
    const { operator } = subject;
    const { head, tail, expected } = aroundCut(subject, 13, 100);
    const { finalState } = applyTo(head, operator);
    const rest = applyTo(tail, operator, { initialState: finalState });
    const outputs = outputsOf(operator, rest.batches);
    expectSameOutcome({ outputs, snapshot: rest.finalState.bytes }, expected, 'second call');
  },
};

/** What `resume-child.ts` is asked. */
export interface ResumeRequest {
  readonly label: string;
  readonly seed: number;
  readonly cut: number;
  /** `state.toBytes()` */
  readonly state: Uint8Array;
}

const CHILD_SEED = 17;
const CHILD_CUT = 150;

/** What all subjects' tails come to in one child process, started when first asked. */
let outcomes: ReadonlyMap<string, Outcome> | undefined;
function outcomeInChild(label: string): Outcome {
  outcomes ??= askChild();
  return outcomes.get(label)!;
}

function askChild(): ReadonlyMap<string, Outcome> {
  const asked = subjects.filter((subject) => skipReason(subject, freshProcess) === undefined);
  const requests = asked.map((subject): ResumeRequest => {
    const { state } = aroundCut(subject, CHILD_SEED, CHILD_CUT);
    return { label: subject.label, seed: CHILD_SEED, cut: CHILD_CUT, state: state.toBytes() };
  });
  const script = fileURLToPath(new URL('./resume-child.ts', import.meta.url));
  const settings = { input: serialize(requests), maxBuffer: 2 ** 30 };
  return deserialize(execFileSync(process.execPath, ['--import', 'tsx', script], settings));
}

const freshProcess: LawCheck = {
  law: 'resume',
  statement: 'goes on from saved bytes in a fresh process bit for bit',
  check(subject) {
    const { expected } = aroundCut(subject, CHILD_SEED, CHILD_CUT);
    expectSameOutcome(outcomeInChild(subject.label), expected, 'in a fresh process');
  },
};

export const resume: readonly LawCheck[] = [freshOperator, usedOperator, appliedInTwo, freshProcess];
