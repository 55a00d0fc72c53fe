/**
 * A state as a value: saved from a stream, made from slot values, or read from bytes that travelled.
 */
import { stateMismatch } from './errors.js';
import type { Identity } from './identity.js';
import type { AnyArray } from './layout.js';
import { encodeState } from './snapshot.js';

export interface State {
  readonly identity: Identity;
  /** The names of the slots. */
  readonly slots: readonly string[];
  /** Bytes of the state itself, without the header that `toBytes` puts before it. */
  readonly byteLength: number;
  /** The state's own bytes, as `restore` takes them. */
  readonly bytes: Uint8Array;
  /** A slot as it is after the last row, the rows of an open chunk folded in. */
  slot(name: string): AnyArray;
  /** Magic, version, identity, checksum and bytes: `op.stateFrom` reads them on any machine. */
  toBytes(): Uint8Array;
}

/** Makes a state value; `settled` computes the slots as seen from outside when first asked. */
export function newState(
  identity: Identity,
  bytes: Uint8Array,
  settled: () => Readonly<Record<string, AnyArray>>,
): State {
  let known: Readonly<Record<string, AnyArray>> | undefined;
  const slots = () => {
    known ??= settled();
    return known;
  };
  return {
    identity,
    bytes,
    byteLength: bytes.byteLength,
    get slots() {
      return Object.keys(slots());
    },
    slot(name) {
      const view = slots()[name];
      if (view === undefined) {
        const names = Object.keys(slots()).join(', ') || 'none';
        throw stateMismatch(
          identity.name,
          `slot '${name}'`,
          `one of ${names}`,
          name,
          'Ask for a slot of the operator.',
        );
      }
      return view;
    },
    toBytes: () => encodeState(identity, bytes),
  };
}
