/**
 * One level of a guess: what was chosen there, and which elements get as far as that.
 */
import type { Oracle, World } from './oracle.js';
import type { Roll, Rolls } from './rolls.js';

export interface Level {
  /** The state of all that was chosen at the levels before. */
  readonly state: unknown;
  /** Elements that got here when the level was built. */
  readonly builtFrom: number;
  /** What was chosen here; pinned, since the states behind hold it even when it is not live any more. */
  readonly chosen: number[];
  /** How many of them are not live any more. */
  lost: number;
  /** Elements that get here and no further. */
  readonly members: Roll;
}

export const saveLevel = (
  { builtFrom, chosen, lost, members }: Level,
  numberOf: (slot: number) => number,
) => ({
  builtFrom,
  chosen: Int32Array.from(chosen, numberOf),
  lost,
  members: members.slots.toArray().map(numberOf),
});

export type SavedLevel = ReturnType<typeof saveLevel>;

/** Levels again, behind those that have chosen `before`; `end` is the state of all that is chosen with them. */
export function loadLevels(
  { live, oracle }: World,
  rolls: Rolls,
  saved: readonly SavedLevel[],
  before: readonly number[],
): { readonly levels: Level[]; readonly end: unknown } {
  const chosen = [...before];
  const levels = saved.map((level): Level => {
    const state = oracle.stateOf(chosen);
    const members = rolls.open();
    for (const slot of level.members) rolls.join(members, slot);
    for (const slot of level.chosen) live.pin(slot);
    chosen.push(...level.chosen);
    return { state, builtFrom: level.builtFrom, chosen: [...level.chosen], lost: level.lost, members };
  });
  return { levels, end: oracle.stateOf(chosen) };
}

/** How far an element gets that gets to the first of the levels: the last one whose state it adds `threshold` to. */
export function depthOf(oracle: Oracle, levels: readonly Level[], slot: number, threshold: number): number {
  let low = 0;
  let high = levels.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (oracle.gain(levels[middle]!.state, slot) >= threshold) low = middle;
    else high = middle - 1;
  }
  return low;
}
