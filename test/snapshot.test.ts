import { describe, expect, it } from 'vitest';
import { lightningAttention } from '../operators/index.js';
import { applyTo } from '../src/apply.js';
import { crc32c } from '../src/checksum.js';
import { DataflowError } from '../src/errors.js';
import type { Identity } from '../src/identity.js';
import { decodeState, encodeState, pack, seal, unpack, unseal } from '../src/snapshot.js';
import { expectError } from './support/errors.js';
import { batchOf, rowsOf } from './support/rows.js';

const operator = lightningAttention({ heads: 2, keyDim: 2, valueDim: 2 });
const { inputs } = operator.description;
const batch = batchOf(inputs, rowsOf(operator.name, inputs, { keyDim: 2 }, 20, 1));
const { finalState } = applyTo(batch, operator);
const saved = finalState.toBytes();
const HEADER_BYTES = 24;

const changed = (change: (bytes: Uint8Array, header: DataView) => void): Uint8Array => {
  const bytes = saved.slice();
  change(bytes, new DataView(bytes.buffer));
  return bytes;
};
const read = (bytes: Uint8Array) => () => operator.stateFrom(bytes);

describe('saved states', () => {
  it('begin with magic, format version, checksum and length', () => {
    const header = new DataView(saved.buffer, saved.byteOffset);
    const body = saved.subarray(HEADER_BYTES);
    expect(Buffer.from(saved.subarray(0, 8)).toString()).toBe('CHUNKWSE');
    expect(header.getUint32(8, true)).toBe(1);
    expect(header.getUint32(12, true)).toBe(crc32c(body, 1));
    expect(header.getFloat64(16, true)).toBe(body.length);
    expect(operator.stateFrom(saved).bytes).toEqual(finalState.bytes);
  });

  it('are equal for equal states, and read from the middle of a larger buffer', () => {
    expect(applyTo(batch, operator).finalState.toBytes()).toEqual(saved);
    const larger = new Uint8Array(saved.length + 13);
    larger.set(saved, 7);
    expect(operator.stateFrom(larger.subarray(7, 7 + saved.length)).bytes).toEqual(finalState.bytes);
    expect(operator.stateFrom(Buffer.from(saved)).bytes).toEqual(finalState.bytes);
  });

  it('keep every typed array, signed zeros and all', () => {
    const value = {
      doubles: Float64Array.of(-0, Number.NaN),
      integers: Int32Array.of(-1),
      long: BigInt64Array.of(-5n),
      bytes: Uint8Array.of(1, 2),
    };
    expect(unpack(pack(value))).toEqual(value);
    expect(pack(unpack(pack(value)))).toEqual(pack(value));
  });

  it('with another magic are refused with both', () => {
    const error = expectError('CHECKPOINT_CORRUPT', read(changed((bytes) => bytes.set([80, 75, 0], 0))));
    expect(error.message).toContain("magic of the saved state, expected 'CHUNKWSE', got 'PK?NKWSE'");
  });

  it('of another format version are refused with both', () => {
    const newer = changed((bytes, header) => {
      header.setUint32(8, 7, true);
      header.setUint32(12, crc32c(bytes.subarray(HEADER_BYTES), 7), true);
    });
    const error = expectError('STATE_VERSION', read(newer));
    expect(error.message).toContain('format version of the saved state, expected 1, got 7');
  });

  it('of another length are refused with both', () => {
    const length = saved.length - HEADER_BYTES;
    const short = expectError('CHECKPOINT_CORRUPT', read(saved.subarray(0, -3)));
    expect(short.message).toContain(`body bytes of the saved state, expected ${length}, got ${length - 3}`);
    const long = expectError('CHECKPOINT_CORRUPT', read(Uint8Array.of(...saved, 0)));
    expect(long.message).toContain(`body bytes of the saved state, expected ${length}, got ${length + 1}`);
  });

  it('with another checksum are refused with both', () => {
    const broken = changed((bytes) => {
      bytes[saved.length - 1]! ^= 1;
    });
    const error = expectError('CHECKPOINT_CORRUPT', read(broken));
    const [expected, got] = [saved, broken].map((bytes) => crc32c(bytes.subarray(HEADER_BYTES), 1));
    expect(error.message).toContain(`checksum of the saved state, expected ${expected}, got ${got}`);
  });

  const identity: Identity = operator.description;
  const foreign: readonly [part: keyof Identity, value: string | number][] = [
    ['name', 'retention'],
    ['version', 2],
    ['options', '{"heads":1}'],
    ['layout', 'S f32[1]'],
  ];
  it.each(foreign)('of another %s are refused with both', (part, value) => {
    const error = expectError(
      'STATE_VERSION',
      read(encodeState({ ...identity, [part]: value }, finalState.bytes)),
    );
    expect(error.message).toContain(`lightningAttention: ${part} of the saved state, expected `);
    expect(error.message).toContain(`got ${typeof value === 'string' ? `'${value}'` : value}.`);
  });

  it('of another number of bytes than the layout are refused when they are used', () => {
    const short = encodeState(identity, finalState.bytes.slice(64));
    const use = () => applyTo(batch, operator, { initialState: operator.stateFrom(short) });
    const error = expectError('STATE_VERSION', use);
    const { length } = finalState.bytes;
    expect(error.message).toContain(`bytes of the saved state, expected ${length}, got ${length - 64}`);
  });

  it('cut off at any byte end in a typed error', () => {
    for (let length = 0; length < saved.length; length++) {
      expectError('CHECKPOINT_CORRUPT', read(saved.subarray(0, length)), {}, `cut off at ${length}`);
    }
  });

  it('with any single bit flipped end in a typed error', () => {
    for (let bit = 0; bit < 8 * saved.length; bit++) {
      const flipped = changed((bytes) => {
        bytes[bit >> 3]! ^= 1 << (bit & 7);
      });
      expect(read(flipped), `bit ${bit}`).toThrow(DataflowError);
    }
  });

  it('that are no state at all end in a typed error', () => {
    const bodies = [5, null, 'text', [], {}, { bytes: 1 }].map(pack);
    for (const body of [...bodies, Uint8Array.of(0xc1), Uint8Array.of(0xdc, 0xff), new Uint8Array()]) {
      expectError('CHECKPOINT_CORRUPT', read(seal(body)), {}, `body ${body}`);
    }
  });
});

describe('a seal', () => {
  it('gives back the body it was put around', () => {
    for (const length of [0, 1, 100]) {
      const body = Uint8Array.from({ length }, (_, i) => i);
      expect(unseal('who', seal(body))).toEqual(body);
    }
  });
});

describe('packed data', () => {
  it('comes back as it was: numbers, big integers, texts, lists, bytes', () => {
    const value = {
      numbers: [0, -1, 1.5, 2 ** 40, -(2 ** 40), Number.POSITIVE_INFINITY],
      big: [1n, -(2n ** 62n), 2n ** 63n],
      text: 'ä ☃',
      none: null,
      yes: true,
      bytes: Uint8Array.of(1, 2, 3),
      deep: [{ bytes: Uint8Array.of(9) }],
    };
    expect(unpack(pack(value))).toEqual(value);
    expect(pack(value)).toEqual(pack(value));
  });

  it('owns its bytes', () => {
    const packed = pack({ bytes: Uint8Array.of(1, 2, 3) });
    const { bytes } = unpack(packed) as { bytes: Uint8Array };
    packed.fill(0xff);
    expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
    expect(bytes.constructor).toBe(Uint8Array);
  });

  it('of a state is the state of its operator alone', () => {
    const identity = operator.description;
    const sealed = encodeState(identity, finalState.bytes);
    expect(decodeState(identity, sealed)).toEqual(finalState.bytes);
  });
});
