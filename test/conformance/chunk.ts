/**
 * Chunk: how the stream is cut, and which other keys' rows lie between, changes nothing.
 */
import fc from 'fast-check';
import { applyTo } from '../../src/apply.js';
import { i32 } from '../../src/layout.js';
import { perKey } from '../../src/per-key.js';
import { expectSameOutcome } from '../support/compare.js';
import { outputsOf, run } from '../support/outcome.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { batchOf, cutInto, rowsAt } from '../support/rows.js';
import { type LawCheck, MANY_ROWS } from './laws.js';

const anyCutting: LawCheck = {
  law: 'chunk',
  statement: 'gives the same bits in outputs and state however the rows are cut',
  check(subject) {
    const { operator } = subject;
    const { inputs } = operator.description;
    fc.assert(
      fc.property(seeds, cuttings, (seed, lengths) => {
        const rows = subject.rows(MANY_ROWS, seed);
        const whole = run(operator, [batchOf(inputs, rows)]);
        expectSameOutcome(run(operator, cutInto(inputs, rows, lengths)), whole, `cut into ${lengths}`);
      }),
      campaign(2),
    );
  },
};

const rowByRow: LawCheck = {
  law: 'chunk',
  statement: 'gives the same bits row by row, with empty batches between, and in lengths 63, 65 and 100',
  check(subject) {
    const { operator } = subject;
    const { inputs } = operator.description;
    const rows = subject.rows(MANY_ROWS, 5);
    const whole = run(operator, [batchOf(inputs, rows)]);
    const cycles = [[0, 1], [63], [65], [100], [16]];
    for (const cycle of cycles) {
      const lengths = Array.from({ length: MANY_ROWS * cycle.length }, (_, i) => cycle[i % cycle.length]!);
      expectSameOutcome(run(operator, cutInto(inputs, rows, lengths)), whole, `in lengths ${cycle}`);
    }
  },
};

const KEYS = 4;

const keysApart: LawCheck = {
  law: 'chunk',
  statement: 'gives each key the bits of a stream of its own, whatever lies between',
  applies: ({ operator }) => operator.workspace !== undefined,
  check(subject) {
    const { operator } = subject;
    const { inputs, outputs } = operator.description;
    const keyed = perKey('key', operator, { maxKeys: KEYS });
    const keysOfRows = fc.array(fc.integer({ min: 0, max: KEYS - 1 }), { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(seeds, keysOfRows, cuttings, (seed, keys, lengths) => {
        const rows = { ...subject.rows(keys.length, seed), key: Int32Array.from(keys) };
        const types = { ...inputs, key: i32() };
        const { batches, finalState } = applyTo(cutInto(types, rows, lengths), keyed);
        const got = outputsOf(keyed, batches);
        for (let key = 0; key < KEYS; key++) {
          const own = [...keys.keys()].filter((row) => keys[row] === key);
          if (own.length === 0) continue;
          const alone = run(operator, [batchOf(inputs, rowsAt(inputs, rows, own))]);
          const state = keyed.stateFrom(finalState.toBytes()).of(key);
          const picked = rowsAt(outputs, got, own);
          expectSameOutcome({ outputs: picked, snapshot: state.bytes }, alone, `key ${key}`);
        }
      }),
      campaign(),
    );
  },
};

export const chunk: readonly LawCheck[] = [anyCutting, rowByRow, keysApart];
