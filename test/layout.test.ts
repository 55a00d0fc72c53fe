import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aligned,
  allocate,
  bytesPerElement,
  type Dtype,
  describeLayout,
  f32,
  f64,
  fillStart,
  i8,
  i32,
  i64,
  isArrayOf,
  layoutOf,
  startingAt,
  u8,
  u32,
  viewsOf,
} from '../src/layout.js';
import { campaign } from './support/property.js';

const types = { f32, f64, i8, i32, i64, u8, u32 };
const slots = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,4}$/),
  fc
    .tuple(
      fc.constantFrom(...Object.values(types)),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
    )
    .map(([type, shape]) => type(...shape)),
);

describe('a layout', () => {
  it('places its slots in order, 64 bytes apart at least, none over another', () => {
    fc.assert(
      fc.property(slots, (given) => {
        const layout = layoutOf(given);
        expect(layout.byteLength % 64).toBe(0);
        let end = 0;
        for (const [name, { dtype, length }] of Object.entries(given)) {
          const offset = layout.offsets[name]!;
          expect(offset % 64).toBe(0);
          expect(offset).toBe(end);
          end = offset + aligned(length * bytesPerElement(dtype));
        }
        expect(layout.byteLength).toBe(end);
      }),
      campaign(10),
    );
  });

  it('gives views that write to their own slot alone', () => {
    fc.assert(
      fc.property(slots, (given) => {
        const layout = layoutOf(given);
        const views = viewsOf(layout, new ArrayBuffer(128 + layout.byteLength), 128);
        const names = Object.keys(given);
        for (const name of names) {
          const view = views[name]!;
          expect(isArrayOf(given[name]!.dtype, view)).toBe(true);
          expect(view.length).toBe(given[name]!.length);
          new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(0xff);
          for (const other of names) {
            const { buffer, byteOffset, byteLength } = views[other]!;
            const filled = new Uint8Array(buffer, byteOffset, byteLength).every((byte) => byte === 0xff);
            expect(filled || other !== name).toBe(true);
            if (other !== name && byteLength > 0) expect(filled).toBe(false);
          }
          new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(0);
        }
      }),
      campaign(10),
    );
  });

  it('is told in words', () => {
    expect(describeLayout({ S: f32(4, 64, 64), position: i32(1), value: f64() })).toBe(
      'S f32[4,64,64] position i32[1] value f64[]',
    );
    expect(describeLayout({})).toBe('');
  });

  it('fills slots with what they start at', () => {
    const layout = layoutOf({
      m: startingAt(f32(2), Number.NEGATIVE_INFINITY),
      n: startingAt(i64(2), -3),
      z: u8(2),
    });
    const views = viewsOf(layout, new ArrayBuffer(layout.byteLength), 0);
    views.z.fill(7);
    fillStart(layout, views);
    expect(views.m).toEqual(new Float32Array(2).fill(Number.NEGATIVE_INFINITY));
    expect(views.n).toEqual(BigInt64Array.of(-3n, -3n));
    expect(views.z).toEqual(new Uint8Array(2));
  });
});

describe('array types', () => {
  it('multiply their shape, to one element where there is none', () => {
    expect(f32().length).toBe(1);
    expect(f32(3, 4).length).toBe(12);
    expect(f32(3, 0).length).toBe(0);
    expect(startingAt(f32(2), 5)).toEqual({ ...f32(2), start: 5 });
  });

  it('allocate zeros of their own kind', () => {
    for (const dtype of Object.keys(types) as Dtype[]) {
      const array = allocate(dtype, 3);
      expect(isArrayOf(dtype, array)).toBe(true);
      expect(array.BYTES_PER_ELEMENT).toBe(bytesPerElement(dtype));
      expect(Array.from(array, Number)).toEqual([0, 0, 0]);
    }
    expect(isArrayOf('f32', new Float64Array(1))).toBe(false);
  });
});
