/**
 * What a checkpoint holds: where the source stands, every step's state, where the sink ends. Taken between two batches,
 * once the sink has acknowledged all, so that the three belong together.
 */

import type { CheckpointStore } from './checkpoint-store.js';
import { crc32c } from './checksum.js';
import {
  checkpointCorrupt,
  DataflowError,
  reason,
  sinkFailed,
  sourceFailed,
  stateMismatch,
} from './errors.js';
import type { Counts, Flow } from './flow.js';
import { type Identity, refuseMismatch } from './identity.js';
import { pack, seal, unpacked, unseal } from './snapshot.js';
import type { Position } from './source.js';

export interface SavedStep extends Identity {
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface Checkpoint {
  readonly flow: string;
  readonly source: string;
  readonly sink: string;
  /** The position behind the last batch; an empty list before the first. */
  readonly sourcePosition: readonly Position[];
  readonly sinkPosition: Position;
  readonly counts: Counts;
  /** Bytes that the sink had written. */
  readonly bytesOut: number;
  /** The output is finished and in its place: there is nothing left to do. */
  readonly complete: boolean;
  readonly steps: readonly SavedStep[];
}

export const encodeCheckpoint = (checkpoint: Checkpoint): Uint8Array =>
  seal(
    pack({
      ...checkpoint,
      steps: checkpoint.steps.map((step) => ({ ...step, checksum: crc32c(step.bytes) })),
    }),
  );

export function decodeCheckpoint(who: string, bytes: Uint8Array): Checkpoint {
  const checkpoint = unpacked(unseal(who, bytes)) as Checkpoint & {
    steps: (SavedStep & { checksum: number })[];
  };
  if (!Array.isArray(checkpoint?.steps)) {
    throw checkpointCorrupt(who, 'contents of the checkpoint', 'a checkpoint', checkpoint);
  }
  for (const { id, bytes, checksum } of checkpoint.steps) {
    const actual = crc32c(bytes);
    if (actual !== checksum) throw checkpointCorrupt(who, `checksum of step '${id}'`, checksum, actual);
  }
  return checkpoint;
}

/** What a checkpoint must have been taken of to be resumed by a flow. */
export type Shape = Pick<Checkpoint, 'flow' | 'source' | 'sink'> & {
  readonly steps: readonly (Identity & { id: string })[];
};

/** What the checkpoints of a flow must have been taken of. */
export const shapeOf = ({ name, source, sink, steps }: Flow): Shape => ({
  flow: name,
  source: source.name,
  sink: sink.name,
  steps: steps.map(({ id, operator: { description } }) => {
    const { name, version, options, layout } = description;
    return { id, name, version, options, layout };
  }),
});

/** Refuses a checkpoint of another pipeline. */
export function refuseForeign(expected: Shape, got: Checkpoint): void {
  const advice = 'Use another checkpoint directory for another dataflow, or clear this one.';
  for (const part of ['flow', 'source', 'sink'] as const) {
    if (expected[part] !== got[part]) {
      throw stateMismatch(expected.flow, `${part} of the checkpoint`, expected[part], got[part], advice);
    }
  }
  const ids = (steps: readonly { readonly id: string }[]) =>
    steps.map(({ id }) => id).join(' → ') || 'no steps';
  if (ids(expected.steps) !== ids(got.steps)) {
    throw stateMismatch(
      expected.flow,
      'steps of the checkpoint',
      ids(expected.steps),
      ids(got.steps),
      advice,
    );
  }
  for (const [i, step] of expected.steps.entries()) refuseMismatch(step.id, step, got.steps[i]!);
}

/** The checkpoints of one flow in a store: numbered upwards, the newest valid one is read. */
export class Checkpoints {
  readonly #store: CheckpointStore;
  readonly #warn: (message: string) => void;
  #sequence = 0;

  constructor(store: CheckpointStore, warn: (message: string) => void) {
    this.#store = store;
    this.#warn = warn;
  }

  /**
   * The newest checkpoint that can be read. Torn and damaged ones are skipped with a warning; where all are damaged it
   * is an error, since starting afresh would hide the loss.
   */
  async newest(who: string): Promise<Checkpoint | undefined> {
    const sequences = (await this.#read('list of checkpoints', () => this.#store.list())).sort(
      (a, b) => b - a,
    );
    this.#sequence = sequences[0] ?? 0;
    let damage: DataflowError | undefined;
    for (const sequence of sequences) {
      try {
        const bytes = await this.#read(`checkpoint ${sequence}`, () => this.#store.read(sequence));
        return decodeCheckpoint(who, bytes);
      } catch (error) {
        if (!(error instanceof DataflowError) || error.code !== 'CHECKPOINT_CORRUPT') throw error;
        damage ??= error;
        this.#warn(`${who}: checkpoint ${sequence} of ${this.#store.name} is skipped: ${error.message}`);
      }
    }
    if (damage !== undefined) throw damage;
    return undefined;
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    const bytes = encodeCheckpoint(checkpoint);
    try {
      await this.#store.write(++this.#sequence, bytes);
    } catch (error) {
      if (error instanceof DataflowError) throw error;
      throw sinkFailed(this.#store.name, `checkpoint ${this.#sequence}`, 'to write it', reason(error), error);
    }
  }

  async clear(): Promise<void> {
    await this.#read('checkpoints', () => this.#store.clear());
  }

  async #read<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DataflowError) throw error;
      throw sourceFailed(this.#store.name, what, 'to reach them', reason(error), error);
    }
  }
}
