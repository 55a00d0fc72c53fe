/**
 * Cuts a stream into batches of another size. Where the cuts fall depends on the rows alone, not on how they arrived.
 */
import { type Data, DataType, type RecordBatch, RecordBatchStreamWriter, tableFromIPC } from 'apache-arrow';
import { describeSchema, sameSchema, sliceRows } from './columns.js';
import { concatBatches } from './concat.js';
import { optionRange, schemaChanged, stateMismatch } from './errors.js';
import { canonicalOptions, type Identity } from './identity.js';
import { type Emit, type OpenOperator, type Operator, toOperator } from './operator.js';
import { checked, integer } from './options.js';
import { decodeState } from './snapshot.js';
import { newState } from './state.js';

export interface RebatchOptions {
  /** Rows of each batch, 1 … 2^31 − 1; the last one may have fewer. */
  readonly rows?: number;
  /** Instead of rows: bytes of values after which a batch ends, 1 … 2^53; a batch has at least one row. */
  readonly bytes?: number;
}

/**
 * Batches of exactly `rows` rows, or of about `bytes` bytes. Rows that wait for a full batch are state; they are
 * copied once where a batch joins several, and not at all where it is cut from one.
 */
export function rebatch(options: RebatchOptions): Operator {
  const { rows, bytes } = checked('rebatch', options, ['rows', 'bytes'], () => {
    if ((options.rows === undefined) === (options.bytes === undefined)) {
      throw optionRange('', 'rows or bytes', 'exactly one of them', options);
    }
    return options.rows === undefined
      ? { bytes: integer({ bytes: options.bytes }, 1, Number.MAX_SAFE_INTEGER) }
      : { rows: integer({ rows: options.rows }, 1, 2 ** 31 - 1) };
  }) as RebatchOptions;
  const identity: Identity = {
    name: 'rebatch',
    version: 1,
    options: canonicalOptions({ rows, bytes }),
    layout: '',
  };
  const summary = 'cuts the stream into batches of another size';
  const open = () => new Rebatching(rows === undefined ? untilBytes(bytes!) : untilRows(rows));
  const stateFrom = (state: Uint8Array) => newState(identity, state, () => ({}));
  return toOperator({
    description: { ...identity, summary, inputs: {}, outputs: {}, columns: {} },
    stateBytes: bytes ?? 0,
    open,
    state: () => stateFrom(open().snapshot()),
    stateFrom: (sealed) => stateFrom(decodeState(identity, sealed)),
    merge: () => {
      throw stateMismatch(
        'rebatch',
        'merge',
        'an operator whose states merge',
        'rebatch',
        'Run it in one piece.',
      );
    },
  });
}

/** How many rows of `batch`, from `from` on, still fit beside `held`; the second number is what is held then. */
type Fit = (batch: RecordBatch, from: number, held: number) => { rows: number; held: number; full: boolean };

const untilRows =
  (limit: number): Fit =>
  (batch, from, held) => {
    const rows = Math.min(limit - held, batch.numRows - from);
    return { rows, held: held + rows, full: held + rows === limit };
  };

const untilBytes =
  (limit: number): Fit =>
  (batch, from, held) => {
    let row = from;
    let bytes = held;
    while (row < batch.numRows && bytes < limit) bytes += rowBytes(batch.data, row++);
    return { rows: row - from, held: bytes, full: bytes >= limit };
  };

/** Bytes of one row's values; a null counts as much as its slot. */
function rowBytes(data: Data, row: number): number {
  const { type } = data;
  if (DataType.isStruct(type)) return data.children.reduce((sum, child) => sum + rowBytes(child, row), 0);
  if (DataType.isFixedSizeList(type))
    return rangeBytes(data.children[0]!, row * type.listSize, (row + 1) * type.listSize);
  const offsets = data.valueOffsets as Int32Array | undefined;
  if (offsets !== undefined && offsets.length > 0) {
    const from = Number(offsets[row]);
    const to = Number(offsets[row + 1]);
    return 4 + (data.children[0] === undefined ? to - from : rangeBytes(data.children[0], from, to));
  }
  if (DataType.isBool(type)) return 1;
  const perElement = (data.values as Uint8Array | undefined)?.BYTES_PER_ELEMENT ?? 1;
  return data.stride * perElement;
}

function rangeBytes(data: Data, from: number, to: number): number {
  if (from === to) return 0;
  if (DataType.isInt(data.type) || DataType.isFloat(data.type)) return (to - from) * rowBytes(data, from);
  let bytes = 0;
  for (let row = from; row < to; row++) bytes += rowBytes(data, row);
  return bytes;
}

class Rebatching implements OpenOperator {
  readonly #fit: Fit;
  #waiting: RecordBatch[] = [];
  #held = 0;
  /** An empty batch of the stream's schema, once one has been seen. */
  #template: RecordBatch | undefined;
  #emitted = false;

  constructor(fit: Fit) {
    this.#fit = fit;
  }

  step(batch: RecordBatch, emit: Emit): void {
    this.#template ??= sliceRows(batch, 0, 0);
    if (!sameSchema(this.#template.schema, batch.schema)) {
      throw schemaChanged('rebatch', describeSchema(this.#template.schema), describeSchema(batch.schema));
    }
    for (let from = 0; from < batch.numRows; ) {
      const { rows, held, full } = this.#fit(batch, from, this.#held);
      if (rows > 0) this.#waiting.push(sliceRows(batch, from, from + rows));
      this.#held = held;
      from += rows;
      if (full) this.#release(emit);
    }
  }

  /** The rest; of a stream without rows, one empty batch, so that the schema is not lost. */
  flush(emit: Emit): void {
    if (this.#waiting.length > 0) this.#release(emit);
    else if (!this.#emitted && this.#template !== undefined) emit(this.#template);
  }

  /** The waiting rows as an Arrow stream, behind what is held and whether anything was emitted. */
  snapshot(): Uint8Array {
    const head = new Float64Array([this.#held, this.#emitted ? 1 : 0]);
    const waiting = this.#waiting.length > 0 ? concatBatches(this.#waiting) : this.#template;
    const body =
      waiting === undefined
        ? new Uint8Array()
        : RecordBatchStreamWriter.writeAll([waiting]).toUint8Array(true);
    const bytes = new Uint8Array(head.byteLength + body.length);
    bytes.set(new Uint8Array(head.buffer));
    bytes.set(body, head.byteLength);
    return bytes;
  }

  restore(bytes: Uint8Array): void {
    const [held, emitted] = new Float64Array(bytes.slice(0, 16).buffer);
    this.#held = held!;
    this.#emitted = emitted === 1;
    const [batch] = bytes.length > 16 ? tableFromIPC(bytes.slice(16)).batches : [];
    this.#template = batch && sliceRows(batch, 0, 0);
    this.#waiting = batch !== undefined && batch.numRows > 0 ? [batch] : [];
  }

  #release(emit: Emit): void {
    const whole = concatBatches(this.#waiting);
    this.#waiting = [];
    this.#held = 0;
    this.#emitted = true;
    emit(whole);
  }
}
