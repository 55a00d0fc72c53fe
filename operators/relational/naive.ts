/**
 * The operators of this family that name their columns, as their definitions read: row by row, in float64.
 */

type Values = Readonly<Record<string, ArrayLike<number>>>;

/** Mean and deviation of the rows so far, from the rows themselves. */
export function standardize(
  {
    of,
    dim = of?.length ?? 1,
    warmupRows = 1,
  }: { of?: readonly string[]; dim?: number; warmupRows?: number },
  rows: Values,
  initial?: Values,
): Record<string, ArrayLike<number>> {
  const columns = of ?? ['x'];
  const width = of ? 1 : dim;
  const numRows = rows[columns[0]!]!.length / width;
  const out: Record<string, number[]> = {};
  const count = initial?.count?.[0] ?? 0;
  const mean = Array.from(initial?.mean ?? new Float64Array(dim));
  const M = Array.from(initial?.M ?? new Float64Array(dim));
  for (const [c, name] of columns.entries()) {
    const z = new Array<number>(numRows * width).fill(0);
    for (let i = 0; i < width; i++) {
      const series = Array.from({ length: numRows }, (_, t) => rows[name]![t * width + i]!);
      const at = c + i;
      const [firstMean, firstM] = [mean[at]!, M[at]!];
      for (let t = 0; t < numRows; t++) {
        const soFar = series.slice(0, t + 1);
        const n = count + t + 1;
        mean[at] = soFar.reduce((sum, x) => sum + x, count * firstMean) / n;
        const between = count * (firstMean - mean[at]) ** 2;
        M[at] = soFar.reduce((sum, x) => sum + (x - mean[at]!) ** 2, firstM + between);
        const deviation = Math.sqrt(M[at] / n);
        if (n > warmupRows && deviation > 0) z[t * width + i] = (series[t]! - mean[at]) / deviation;
      }
    }
    out[of ? `${name}_z` : 'z'] = z;
  }
  return { ...out, count: [count + numRows], mean, M };
}

interface Texts {
  readonly offsets: Int32Array;
  readonly values: Uint8Array;
}

/** Tokens as texts of one character a byte, counted in a map. */
export function hashEmbed(
  {
    dim,
    seed = 0,
    ngrams,
    words = ngrams === undefined,
    signed = true,
    caseSensitive = false,
  }: {
    dim: number;
    seed?: number;
    ngrams?: readonly [number, number];
    words?: boolean;
    signed?: boolean;
    caseSensitive?: boolean;
  },
  { text }: { text: Texts },
): Record<string, ArrayLike<number>> {
  const embedding: number[] = [];
  for (let t = 0; t + 1 < text.offsets.length; t++) {
    const bytes = text.values.subarray(text.offsets[t], text.offsets[t + 1]);
    const latin = String.fromCharCode(...bytes);
    const row = caseSensitive ? latin : latin.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const tokens: string[] = words ? [...(row.match(/[0-9A-Za-z\x80-\xff]+/g) ?? [])] : [];
    const [shortest, longest] = ngrams ?? [1, 0];
    for (let n = shortest; n <= longest; n++) {
      for (let i = 0; i + n <= row.length; i++) tokens.push(row.slice(i, i + n));
    }
    const sums = new Array<number>(dim).fill(0);
    for (const token of tokens) {
      const hash = hashOf(token, seed);
      sums[Number(hash % BigInt(dim))]! += signed && hash >= 1n << 31n ? -1 : 1;
    }
    const length = Math.hypot(...sums);
    embedding.push(...sums.map((sum) => (length === 0 ? 0 : sum / length)));
  }
  return { embedding };
}

/** MurmurHash3_x86_32 of a text of one character a byte, in big integers. */
function hashOf(token: string, seed: number): bigint {
  const low = (value: bigint) => BigInt.asUintN(32, value);
  const turned = (value: bigint, bits: bigint) => low((value << bits) | (value >> (32n - bits)));
  let hash = BigInt(seed);
  for (let i = 0; i < token.length; i += 4) {
    const block = Array.from(token.slice(i, i + 4), (byte, b) => BigInt(byte.charCodeAt(0)) << BigInt(8 * b));
    const k = low(turned(low(block.reduce((a, b) => a | b) * 0xcc9e2d51n), 15n) * 0x1b873593n);
    hash ^= k;
    if (block.length === 4) hash = low(turned(hash, 13n) * 5n + 0xe6546b64n);
  }
  hash ^= BigInt(token.length);
  hash = low((hash ^ (hash >> 16n)) * 0x85ebca6bn);
  hash = low((hash ^ (hash >> 13n)) * 0xc2b2ae35n);
  return hash ^ (hash >> 16n);
}
