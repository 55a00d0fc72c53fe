/**
 * Just enough of the FlatBuffers format to look at Arrow metadata before anybody trusts it.
 *
 * Every access is checked: a place outside of the bytes is a RangeError, and so is a vector longer than they are.
 */
export class Flatbuffer {
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get byteLength(): number {
    return this.#view.byteLength;
  }

  /** The place of the root table. */
  root(): number {
    return this.#pointer(0);
  }

  /** A table in a field of another table, or undefined where the field is absent. */
  table(table: number, field: number): number | undefined {
    const at = this.#field(table, field);
    return at === undefined ? undefined : this.#pointer(at);
  }

  /** The number of elements of a vector field, each of `elementBytes`, all of them inside of the bytes. */
  vectorLength(table: number, field: number, elementBytes: number): number {
    const at = this.#field(table, field);
    if (at === undefined) return 0;
    const start = this.#pointer(at);
    const length = this.#view.getUint32(start, true);
    if (start + 4 + length * elementBytes > this.byteLength)
      throw new RangeError(`a vector of ${length} elements`);
    return length;
  }

  /** The table that element `index` of a vector field points to. */
  tableInVector(table: number, field: number, index: number): number {
    const at = this.#field(table, field);
    if (at === undefined) throw new RangeError('an absent vector');
    return this.#pointer(this.#pointer(at) + 4 + index * 4);
  }

  uint8(table: number, field: number): number {
    const at = this.#field(table, field);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  int16(table: number, field: number): number {
    const at = this.#field(table, field);
    return at === undefined ? 0 : this.#view.getInt16(at, true);
  }

  int64(table: number, field: number): bigint {
    const at = this.#field(table, field);
    return at === undefined ? 0n : this.#view.getBigInt64(at, true);
  }

  #pointer(at: number): number {
    return at + this.#view.getUint32(at, true);
  }

  /** The place of a field's value, found through the table's vtable. */
  #field(table: number, field: number): number | undefined {
    const vtable = table - this.#view.getInt32(table, true);
    const slot = 4 + field * 2;
    if (slot + 2 > this.#view.getUint16(vtable, true)) return undefined;
    const offset = this.#view.getUint16(vtable + slot, true);
    return offset === 0 ? undefined : table + offset;
  }
}
