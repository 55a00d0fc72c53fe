/**
 * Binary decisions, one at a time: their contexts are gathered here, the kernel predicts, codes and learns.
 *
 * Encoding and decoding run the same code: `bit` is told the decision, or tells it.
 */
import { type Backend, openArena } from '../../../src/kernels/kernel.js';
import {
  CONTEXTS,
  MAP_PLACES,
  START,
  STATES,
  tableConstants,
  tableHistories,
} from '../../../src/kernels/table-constants.js';
import { tableModelKernels } from '../../../src/kernels/table-model.js';
import { CODER, REQUEST, TABLE_SHAPES } from '../../../src/kernels/table-model-shapes.js';
import { f32, i32, layoutOf, u8, u32, viewsOf } from '../../../src/layout.js';
import { log2 } from './estimate.js';
import { restore, type Saved, saved } from './saved.js';

const BUFFER_BYTES = 1 << 16;
/** A decision writes at most this many bytes. */
const MOST_AT_ONCE = 16;

/** How large a model is; it decides its bytes, and what it can remember. */
export interface ModelSize {
  /** log2 of the cells, 8 bytes each. */
  readonly cellBits: number;
  /** log2 of the rows of each refining map, 132 bytes each. */
  readonly apmBits: number;
  /** Columns that have maps and weights of their own; more share them. */
  readonly models: number;
}

/** Rows of weights: what each mixer chooses by. */
const TEXT_ROWS = 2048;
const rowsOf = (models: number) => ({
  depth: 0,
  node: models * 64,
  sure: models * 320,
  model: models * 576,
  text: models * 577,
  length: models * 577 + TEXT_ROWS,
});

const layoutFor = ({ cellBits, apmBits, models }: ModelSize) =>
  layoutOf({
    cells: u32(2 << cellBits),
    maps: f32(models, CONTEXTS, MAP_PLACES),
    mapCounts: u8(2 * models * CONTEXTS * MAP_PLACES),
    weights: f32(rowsOf(models).length, TABLE_SHAPES.INPUTS),
    finals: f32(models * 64, TABLE_SHAPES.SETS),
    apms: f32(TABLE_SHAPES.APMS << apmBits, TABLE_SHAPES.APM_STEPS),
    constants: f32(START.length),
    histories: u8(3 * STATES),
    request: i32(REQUEST.length),
    extras: f32(TABLE_SHAPES.EXTRAS),
    inputs: f32(TABLE_SHAPES.INPUTS),
    slots: i32(TABLE_SHAPES.SLOTS),
    coder: u32(CODER.length),
    bytes: u8(BUFFER_BYTES),
  });

/** Bytes of a model's memory. */
export const modelBytes = (size: ModelSize): number => layoutFor(size).byteLength;

export class Decisions {
  /** The hashes and parents of the contexts so far, by place. */
  readonly #request: Int32Array;
  readonly extras: Float32Array;
  /** Whether decisions are told by the payload. */
  isDecoding = false;
  readonly rows: ReturnType<typeof rowsOf>;
  readonly models: number;
  #count = 0;
  #extras = 0;
  #out: Uint8Array[] = [];
  #outBytes = 0;
  readonly #decide: (rate: number, rateLeast: number, given: number) => number;
  readonly #coder: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #learned: readonly ArrayBufferView[];
  #input: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(size: ModelSize, backend?: Backend) {
    const layout = layoutFor(size);
    const { kernels, buffer, base } = openArena(tableModelKernels, layout.byteLength, backend);
    const v = viewsOf(layout, buffer, base);
    const mapCounts = new Uint16Array(v.mapCounts.buffer, v.mapCounts.byteOffset, v.mapCounts.length / 2);
    v.constants.set(tableConstants());
    v.histories.set(tableHistories());
    this.#request = v.request;
    this.extras = v.extras;
    this.#coder = v.coder;
    this.#bytes = v.bytes;
    this.rows = rowsOf(size.models);
    this.models = size.models;
    this.#learned = [v.cells, v.maps, mapCounts, v.weights, v.finals, v.apms, v.coder];
    this.#decide = (rate, rateLeast, given) =>
      kernels.tableBit(
        v.cells,
        v.maps,
        mapCounts,
        v.weights,
        v.finals,
        v.apms,
        v.constants,
        v.histories,
        v.request,
        v.extras,
        v.inputs,
        v.slots,
        v.coder,
        v.bytes,
        size.cellBits,
        size.apmBits,
        rate,
        rateLeast,
        given,
      );
  }

  /** The number of decisions since the model began. */
  get decisions(): number {
    return this.#coder[CODER.decisions]!;
  }

  /** What has been written so far, in bits: the finished bytes and how far the range has narrowed. */
  get bitsWritten(): number {
    const coder = this.#coder;
    const range = coder[CODER.high]! - coder[CODER.low]! + 1;
    return 8 * (this.#outBytes + coder[CODER.position]!) + 32 - log2(range);
  }

  /** Adds a context whose probability backs off to that of an earlier one; answers its place. */
  add(hash: number, parent: number): number {
    const place = this.#count++;
    this.#request[REQUEST.hashes + place] = hash;
    this.#request[REQUEST.parents + place] = parent;
    return place;
  }

  /** Takes back all contexts behind the first `count`. */
  keep(count: number): void {
    this.#count = count;
    this.#extras = 0;
  }

  get count(): number {
    return this.#count;
  }

  /** A logit of its own, beside those of the contexts. */
  addLogit(x: number): void {
    this.extras[this.#extras++] = x;
  }

  /** Says which weights the mixers use, and which contexts tell how sure they can be. */
  choose(model: number, depthRow: number, nodeRow: number, sureRow: number, lastRow: number): void {
    const request = this.#request;
    request[REQUEST.model] = model;
    request[REQUEST.rows] = this.rows.depth + depthRow;
    request[REQUEST.rows + 1] = this.rows.node + nodeRow;
    request[REQUEST.rows + 2] = this.rows.sure + sureRow;
    request[REQUEST.rows + 3] = lastRow;
  }

  sureBy(a: number, b: number, c: number, d: number, apm1: number, apm2: number): void {
    const request = this.#request;
    request[REQUEST.confident] = a;
    request[REQUEST.confident + 1] = b;
    request[REQUEST.confident + 2] = c;
    request[REQUEST.confident + 3] = d;
    request[REQUEST.apmContexts] = apm1;
    request[REQUEST.apmContexts + 1] = apm2;
    request[REQUEST.apmContexts + 2] = -1;
  }

  /** One decision at a node; contexts from `withNode` on do not care about the node. */
  bit(given: number, node: number, withNode: number, rate: number, rateLeast: number): number {
    const request = this.#request;
    request[REQUEST.count] = this.#count;
    request[REQUEST.withNode] = withNode;
    request[REQUEST.extras] = this.#extras;
    request[REQUEST.node] = node;
    const bit = this.#decide(rate, rateLeast, this.isDecoding ? -1 : given);
    if (this.#coder[CODER.position]! > BUFFER_BYTES - MOST_AT_ONCE) this.#turn();
    return bit;
  }

  /** What was learned so far, to go on with elsewhere. */
  save(): Saved[] {
    return this.#learned.map(saved);
  }

  restore(parts: readonly Saved[]): void {
    this.#learned.forEach((array, i) => {
      restore(parts[i]!, array);
    });
  }

  /** Begins a payload to be written. */
  beginEncoding(): void {
    this.isDecoding = false;
    this.#out = [];
    this.#outBytes = 0;
    this.#reset(BUFFER_BYTES);
  }

  /** The payload; behind it a decoder reads zeros, so that one byte inside of the last range ends it. */
  endEncoding(): Uint8Array<ArrayBuffer> {
    const coder = this.#coder;
    this.#bytes[coder[CODER.position]!] = coder[CODER.high]! >>> 24;
    coder[CODER.position] = coder[CODER.position]! + 1;
    this.#turn();
    const payload = new Uint8Array(this.#outBytes);
    let at = 0;
    for (const part of this.#out) {
      payload.set(part, at);
      at += part.length;
    }
    this.#out = [];
    return payload;
  }

  beginDecoding(payload: Uint8Array): void {
    this.isDecoding = true;
    this.#input = payload;
    this.#taken = 0;
    this.#reset(0);
    this.#turn();
    const coder = this.#coder;
    for (let i = 0; i < 4; i++) {
      coder[CODER.code] = (coder[CODER.code]! << 8) | (i < coder[CODER.end]! ? this.#bytes[i]! : 0);
    }
    coder[CODER.position] = 4;
  }

  /** How many bytes behind the payload's end the decoder has asked for. */
  get overrun(): number {
    return this.#coder[CODER.position]! - this.#coder[CODER.end]!;
  }

  #reset(end: number): void {
    const coder = this.#coder;
    const decisions = coder[CODER.decisions]!;
    coder.set([0, 0xffffffff, 0, 0, end, decisions]);
  }

  /** Empties the buffer where it is written, fills it where it is read. */
  #turn(): void {
    const coder = this.#coder;
    if (!this.isDecoding) {
      const position = coder[CODER.position]!;
      this.#out.push(this.#bytes.slice(0, position));
      this.#outBytes += position;
      coder[CODER.position] = 0;
      return;
    }
    const beyond = coder[CODER.position]! - coder[CODER.end]!;
    const rest = this.#bytes.slice(
      coder[CODER.position]!,
      Math.max(coder[CODER.position]!, coder[CODER.end]!),
    );
    this.#bytes.set(rest);
    const room = BUFFER_BYTES - rest.length;
    const fresh = this.#input.subarray(this.#taken, this.#taken + room);
    this.#bytes.set(fresh, rest.length);
    this.#taken += fresh.length;
    coder[CODER.position] = Math.max(0, beyond);
    coder[CODER.end] = rest.length + fresh.length;
  }
}
