/**
 * What summaries keep: ids in their table, and states that are saved in the middle of work that takes many updates.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../../operators/submodular/id-table.js';
import { dynamicSubmodular } from '../../operators/submodular/index.js';
import { coverage } from '../../operators/submodular/objectives/coverage.js';
import { fromBytes, toBytes } from '../../operators/submodular/saved.js';
import type { Summary } from '../../operators/submodular/summary.js';
import type { Id } from '../../src/row-types.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { answersOf, summaryOf, withItems } from '../support/submodular.js';
import { defaults, levels } from '../support/submodular-algorithms.js';
import {
  coverageData,
  type Data,
  facilityData,
  type Stream,
  updatesOf,
} from '../support/submodular-streams.js';

describe('a table of ids', () => {
  const kinds: readonly (readonly [string, (n: number) => Id])[] = [
    ['integers', (n) => BigInt(n) - 5n],
    ['integers far apart', (n) => (BigInt(n) << 57n) >> 1n],
    ['text', (n) => `id ${n}`],
    [
      'text of one length that differs in two places',
      (n) => String.fromCharCode(97 + (n >> 3), 122 - (n & 7)),
    ],
  ];

  it.each(kinds)('finds what a map finds, after any sets and deletions: %s', (_, idOf) => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 40 }), (seed, capacity) => {
        const random = uniform(seed);
        const table = new IdTable(capacity);
        const expected = new Map<Id, number>();
        const free = Array.from({ length: capacity }, (_, slot) => slot);
        for (let step = 0; step < 300; step++) {
          const id = idOf(Math.floor(64 * random()));
          const slot = expected.get(id);
          expect(table.slotOf(id)).toBe(slot ?? -1);
          if (slot !== undefined) {
            table.delete(slot);
            expected.delete(id);
            free.push(slot);
          } else if (free.length > 0) {
            const given = free.splice(Math.floor(free.length * random()), 1)[0]!;
            table.set(given, id);
            expected.set(id, given);
            expect(table.at(given)).toBe(id);
          }
        }
        for (const [id, slot] of expected) expect([table.slotOf(id), table.at(slot)]).toEqual([slot, id]);
      }),
      campaign(0.2),
    );
  });

  it('keeps the bits of integers above 2^63', () => {
    const elements = [withItems([1, 2]), withItems([3]), withItems([1, 2, 4])];
    const ids = [2n ** 64n - 1n, 2n ** 63n, 7n];
    const operator = dynamicSubmodular({ k: 1, objective: coverage({ maxItems: 9 }), emit: 'row' });
    const rows = answersOf(operator, elements, [0, 1, ~0, 2, ~2], [], { idOf: (e) => ids[e]! });
    const bits = rows.map(({ selected }) => selected.map((id) => BigInt.asUintN(64, id as bigint)));
    expect(bits).toEqual([[ids[0]], [ids[0]], [ids[1]], [ids[2]], [ids[1]]]);
  });
});

describe('a state that is saved while work is under way', () => {
  /** Everything of it in bytes, and read again into a summary of its own. */
  function resumed(summary: Summary, fresh: () => Summary): Summary {
    const bytes = toBytes(summary.save());
    const again = fresh();
    again.load(fromBytes(bytes) as never);
    expect(Buffer.compare(toBytes(again.save()), bytes)).toBe(0);
    return again;
  }

  it.each([
    ['dynamicSubmodular, on facility location', defaults, facilityData, 'attack'],
    ['levelSubmodular, on coverage', levels, coverageData, 'attack'],
    ['levelSubmodular, on facility location', levels, facilityData, 'attack'],
  ] as const)('goes on as if it had not been: %s', (_, algorithm, dataOf, stream: Stream) => {
    const data: Data = dataOf();
    const fresh = () => summaryOf(data.objective, 8, algorithm, { maxElements: 6000 });
    const one = fresh();
    const drawn: ReturnType<Data['next']>[] = [];
    const recording: Data = {
      objective: data.objective,
      next() {
        drawn.push(data.next());
        return drawn.at(-1)!;
      },
    };
    const { insert, next } = updatesOf(one, recording, stream, 3);
    for (let i = 0; i < 2500; i++) insert();
    let saves = 0;
    let other: Summary | undefined;
    for (let update = 0; update < 240; update++) {
      const before = drawn.length;
      const gone = one.live.count;
      const victims = new Set(
        other === undefined ? [] : Array.from(one.live.byArrival(), (slot) => one.live.idOf(slot)),
      );
      next();
      const answer = one.answer();
      if (other !== undefined) {
        if (drawn.length > before) other.insert(BigInt(before), drawn.at(-1)!);
        else {
          for (const slot of one.live.byArrival()) victims.delete(one.live.idOf(slot));
          expect([victims.size, one.live.count]).toEqual([1, gone - 1]);
          other.delete([...victims][0]!);
        }
        expect(other.answer()).toEqual(answer);
      }
      if (!answer.certified && update % 30 === 7) {
        other = resumed(one, fresh);
        saves++;
      }
    }
    expect(saves).toBeGreaterThan(1);
  });
});
