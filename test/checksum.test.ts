import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/checksum.js';
import { campaign } from './support/property.js';

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe('crc32c', () => {
  it.each([
    ['', 0],
    ['123456789', 0xe3069283],
    ['a', 0xc1d04330],
  ])('of %j is the published value', (text, expected) => {
    expect(crc32c(ascii(text))).toBe(expected);
  });

  it('of the vectors of RFC 3720 is the published value', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  });

  it('goes on from an earlier part, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), (bytes, cut) => {
        const [head, tail] = [bytes.subarray(0, cut), bytes.subarray(cut)];
        expect(crc32c(tail, crc32c(head))).toBe(crc32c(bytes));
      }),
      campaign(10),
    );
  });

  it('sees every single bit that flips', () => {
    const bytes = ascii('The quick brown fox');
    const seen = new Set([crc32c(bytes)]);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      seen.add(crc32c(flipped));
    }
    expect(seen.size).toBe(8 * bytes.length + 1);
  });
});
