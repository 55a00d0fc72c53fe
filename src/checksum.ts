/**
 * CRC-32C (Castagnoli), the checksum of every byte format here. Source: RFC 3720, appendix B.4; slicing by four after
 * M. Kounavis and F. Berry, A Systematic Approach to Building High Performance Software-Based CRC Generators, 2005.
 */

const POLYNOMIAL = 0x82f63b78;

const tables = (() => {
  const all = Array.from({ length: 4 }, () => new Uint32Array(256));
  const [first] = all as [Uint32Array];
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[byte] = crc >>> 0;
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let t = 1; t < 4; t++) {
      const before = all[t - 1]![byte]!;
      all[t]![byte] = (before >>> 8) ^ first[before & 255]!;
    }
  }
  return all as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
})();

/** The CRC-32C of some bytes, an unsigned 32-bit integer; `seed` continues from an earlier part's. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3] = tables;
  let crc = ~seed;
  let i = 0;
  for (const end = bytes.length - 3; i < end; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!;
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
