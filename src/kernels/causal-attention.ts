/**
 * Causal attention over a ring of key blocks: the twins of `keepRing` and `attendRing` in `attention.c`.
 */
import {
  attendRow,
  BLOCK_KEYS,
  normalize,
  packQuery,
  type Query,
  type Shape,
  TILE_ROWS,
  unpackShape,
} from './attention-block.js';

/** Sums of decays below this are made less, all of them by the last one. */
const LOWEST_TOTAL = -(2 ** 20);

/**
 * The position that stands for `rows` rows before: the same place in the ring, and as far from the start as matters,
 * but never too large for an integer of 32 bits.
 */
export function ringPosition(rows: number, { ringBlocks, sinkBlocks, windowRows }: Shape): number {
  const turn = (ringBlocks - sinkBlocks) * BLOCK_KEYS;
  const sinks = sinkBlocks * BLOCK_KEYS;
  const far = sinks + Math.ceil((windowRows + sinks) / turn) * turn;
  return rows < far ? rows : far + ((rows - far) % turn);
}

/** The slot of a block: blocks of sinks stay where they are, the others take turns. */
const slotOf = (block: number, { ringBlocks, sinkBlocks }: Shape): number =>
  block < sinkBlocks ? block : sinkBlocks + ((block - sinkBlocks) % (ringBlocks - sinkBlocks));

/** The rings of one head. */
interface Rings {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly phi: Float32Array;
  readonly decay: Float64Array | undefined;
}

function blockAt(rings: Rings, slot: number, { keyDim: K, valueDim: V, rank: R }: Shape) {
  const floats = <A extends Float32Array | Float64Array>(ring: A, perKey: number) =>
    ring.subarray(slot * perKey * BLOCK_KEYS, (slot + 1) * perKey * BLOCK_KEYS) as A;
  return {
    keys: floats(rings.keys, K),
    values: floats(rings.values, V),
    phi: floats(rings.phi, R),
    decay: rings.decay && floats(rings.decay, 1),
  };
}

/**
 * Appends T rows, which lie in one block, to the rings, for heads of keys `from` to below `to`.
 *
 * decay [H, blocks, 64], total [H]: sums of all log decays up to each row, and up to the last; g [T, H]; `position` from
 * `ringPosition`. Gives T.
 */
export function keepRing(
  keys: Float32Array,
  values: Float32Array,
  phi: Float32Array,
  decay: Float64Array,
  total: Float64Array,
  k: Float32Array,
  v: Float32Array,
  g: Float32Array,
  phiK: Float32Array,
  shape: Int32Array,
  T: number,
  position: number,
  from: number,
  to: number,
): number {
  const unpacked = unpackShape(shape);
  const { heads: H, kvHeads } = unpacked;
  for (let head = (from * H) / kvHeads; head < (to * H) / kvHeads; head++) {
    const kvHead = Math.floor((head * kvHeads) / H);
    const rings = ringsOf(keys, values, phi, decay, head, unpacked);
    if (position % BLOCK_KEYS === 0) total[head] = rebase(rings.decay, total[head]!);
    for (let t = 0; t < T; t++) {
      const at = t * H + head;
      total[head] = keepRow(
        rings,
        unpacked,
        position + t,
        k,
        v,
        t * kvHeads + kvHead,
        phiK,
        at,
        g,
        total[head]!,
      );
    }
  }
  return T;
}

function ringsOf(
  keys: Float32Array,
  values: Float32Array,
  phi: Float32Array,
  decay: Float64Array,
  head: number,
  { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R, ringBlocks, decays }: Shape,
): Rings {
  const part = <A extends Float32Array | Float64Array>(x: A, i: number, length: number) =>
    x.subarray(i * length * BLOCK_KEYS, (i + 1) * length * BLOCK_KEYS) as A;
  const kvHead = Math.floor((head * kvHeads) / H);
  return {
    keys: part(keys, kvHead, ringBlocks * K),
    values: part(values, kvHead, ringBlocks * V),
    phi: part(phi, head, ringBlocks * R),
    decay: decays === 0 ? undefined : part(decay, head, ringBlocks),
  };
}

/**
 * The outputs of T rows that the rings have, for their tiles of four rows `from` to below `to`, counted through all heads:
 * q [T, H K], phiQ [T, H R], sinkBias [H] or undefined; o [T, H V]. m, l [H, 64], packed [H, 64, K + R] and scores [4, 64]
 * are scratch. Gives how often a row was not rescaled.
 */
export function attendRing(
  keys: Float32Array,
  values: Float32Array,
  phi: Float32Array,
  decay: Float64Array,
  q: Float32Array,
  phiQ: Float32Array,
  sinkBias: Float32Array | undefined,
  o: Float32Array,
  m: Float32Array,
  l: Float32Array,
  packed: Float32Array,
  scores: Float32Array,
  shape: Int32Array,
  T: number,
  position: number,
  from: number,
  to: number,
): number {
  const unpacked = unpackShape(shape);
  const { heads: H, keyDim: K, valueDim: V, rank: R } = unpacked;
  const tiles = Math.ceil(T / TILE_ROWS);
  let kept = 0;
  for (let tile = from; tile < to; tile++) {
    const head = Math.floor(tile / tiles);
    const rings = ringsOf(keys, values, phi, decay, head, unpacked);
    const first = (tile % tiles) * TILE_ROWS;
    for (let t = first; t < Math.min(first + TILE_ROWS, T); t++) {
      const [from, at, own] = [t * H + head, head * BLOCK_KEYS + t, position + t];
      packQuery(q, from * K, phiQ, from * R, unpacked, packed, at * (K + R));
      m[at] = sinkBias?.[head] ?? -Infinity;
      l[at] = sinkBias === undefined ? 0 : 1;
      const oRow = from * V;
      o.fill(0, oRow, oRow + V);
      const block = blockAt(rings, slotOf(Math.floor(own / BLOCK_KEYS), unpacked), unpacked);
      const query = {
        packed,
        row: at * (K + R),
        decay: block.decay?.[own % BLOCK_KEYS] ?? 0,
        m,
        l,
        at,
        o,
        oRow,
      };
      kept += attendWindow(query, rings, unpacked, own, scores);
      normalize(o, oRow, m[at]!, l[at]!, V);
    }
  }
  return kept;
}

/** Appends a row to a head's ring. Gives the sum of all log decays up to it. */
function keepRow(
  rings: Rings,
  shape: Shape,
  row: number,
  k: Float32Array,
  v: Float32Array,
  kvAt: number,
  phiK: Float32Array,
  at: number,
  g: Float32Array,
  total: number,
): number {
  const { keyDim: K, valueDim: V, rank: R } = shape;
  const block = blockAt(rings, slotOf(Math.floor(row / BLOCK_KEYS), shape), shape);
  const column = row % BLOCK_KEYS;
  for (let i = 0; i < K; i++) block.keys[i * BLOCK_KEYS + column] = k[kvAt * K + i]!;
  for (let i = 0; i < V; i++) block.values[column * V + i] = v[kvAt * V + i]!;
  for (let r = 0; r < R; r++) block.phi[r * BLOCK_KEYS + column] = phiK[at * R + r]!;
  if (block.decay === undefined) return total;
  block.decay[column] = total + g[at]!;
  return block.decay[column]!;
}

/** From the row's own block back to the oldest one in its window, then the sinks that have left it. */
function attendWindow(query: Query, rings: Rings, shape: Shape, row: number, scores: Float32Array): number {
  const { windowRows, sinkRows, sinkBlocks } = shape;
  const start = Math.max(0, row - windowRows + 1);
  const ownBlock = Math.floor(row / BLOCK_KEYS);
  const attend = (block: number, from: number, to: number) => {
    const first = block * BLOCK_KEYS;
    const clamp = (x: number) => Math.max(0, Math.min(BLOCK_KEYS, x - first));
    const keys = blockAt(rings, slotOf(block, shape), shape);
    return attendRow(query, keys, shape, clamp(from), clamp(to), scores);
  };
  let kept = 0;
  for (let block = ownBlock; block >= Math.floor(start / BLOCK_KEYS); block--) {
    kept += attend(block, start, row + 1);
  }
  for (let block = 0; block < Math.min(sinkBlocks, ownBlock + 1); block++) {
    kept += attend(block, 0, Math.min(sinkRows, start));
  }
  return kept;
}

function rebase(decay: Float64Array | undefined, total: number): number {
  if (decay === undefined || total > LOWEST_TOTAL) return total;
  for (let i = 0; i < decay.length; i++) decay[i] = decay[i]! - total;
  return 0;
}
