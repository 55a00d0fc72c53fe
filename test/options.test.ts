import { describe, expect, it } from 'vitest';
import { DataflowError } from '../src/errors.js';
import { checked, finiteNumber, integer, numbers, oneOf, text, truth } from '../src/options.js';
import { expectError } from './support/errors.js';

/** The message of what must be refused, as a caller of `checked` sees it. */
const refusal = (check: () => unknown) =>
  expectError('OPTION_RANGE', () => checked('who', {}, [], () => ({ value: check() }))).message;

describe('an option', () => {
  it('that is an integer lies between its limits, both included', () => {
    expect(integer({ n: 1 }, 1, 3)).toBe(1);
    expect(integer({ n: 3 }, 1, 3)).toBe(3);
    for (const wrong of [0, 4, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2', 2n, undefined, null, [2]]) {
      expect(refusal(() => integer({ n: wrong }, 1, 3))).toMatch(
        /^who: option n, expected an integer in 1 … 3, got /,
      );
    }
  });

  it('that is a number is finite, and between its limits where it has some', () => {
    expect(finiteNumber({ x: -1e300 })).toBe(-1e300);
    expect(finiteNumber({ x: 0 }, 0, 1)).toBe(0);
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, '1', undefined]) {
      expect(refusal(() => finiteNumber({ x: wrong }))).toContain('option x, expected a finite number, got ');
    }
    expect(refusal(() => finiteNumber({ x: 1.1 }, 0, 1))).toBe(
      'who: option x, expected a number in 0 … 1, got 1.1.',
    );
  });

  it('that is a truth value is no other value that counts as one', () => {
    expect([truth({ on: true }), truth({ on: false })]).toEqual([true, false]);
    for (const wrong of [0, 1, 'true', undefined]) {
      expect(refusal(() => truth({ on: wrong }))).toContain('option on, expected true or false, got ');
    }
  });

  it('that is a choice or a text is one of its words', () => {
    expect(oneOf({ mode: 'a' }, ['a', 'b'])).toBe('a');
    expect(refusal(() => oneOf({ mode: 'c' }, ['a', 'b']))).toBe(
      "who: option mode, expected one of a, b, got 'c'.",
    );
    expect(text({ name: 'x' })).toBe('x');
    for (const wrong of ['', 5, undefined]) {
      expect(refusal(() => text({ name: wrong }))).toContain(
        'option name, expected text that is not empty, got ',
      );
    }
  });

  it('that is a list of numbers has its length and finite elements, as an array or a typed one', () => {
    expect(numbers({ list: [1, 2.5] }, 2)).toEqual(Float64Array.of(1, 2.5));
    expect(numbers({ list: Float32Array.of(0.5) }, 1)).toEqual(Float64Array.of(0.5));
    const message = (list: unknown) => refusal(() => numbers({ list }, 2));
    expect(message([1])).toBe("who: option list, expected 2 numbers, got '1'.");
    expect(message([1, Number.NaN])).toBe('who: option list[1], expected a finite number, got NaN.');
    expect(message(['x', 1])).toBe('who: option list[0], expected a finite number, got NaN.');
    expect(message(12)).toBe('who: option list, expected 2 numbers, got 12.');
    expect(message(new DataView(new ArrayBuffer(2)))).toBe(
      'who: option list, expected 2 numbers, got DataView of 2 bytes.',
    );
  });

  it('keeps the caller’s typed array apart from the operator’s', () => {
    const given = Float64Array.of(1, 2);
    const kept = numbers({ list: given }, 2);
    given[0] = 9;
    expect(kept[0]).toBe(1);
  });

  it('that nobody reads is refused with the names that are', () => {
    const check = (options: object) => checked('who', options, ['columns'], () => ({ heads: 1, scale: 2 }));
    expect(check({ heads: 1, columns: {} })).toEqual({ heads: 1, scale: 2 });
    const error = expectError('OPTION_RANGE', () => check({ haeds: 1 }));
    expect(error.message).toBe("who: option 'haeds', expected one of heads, scale, columns, got 'haeds'.");
  });

  it('comes in an object', () => {
    for (const wrong of [undefined, null, 5, 'x']) {
      expectError('OPTION_RANGE', () => checked('who', wrong, [], () => ({})));
    }
  });
});

describe('checked', () => {
  it('lets errors of other kinds pass as they are', () => {
    const bug = new TypeError('a bug');
    const failing = () =>
      checked('who', {}, [], () => {
        throw bug;
      });
    expect(failing).toThrow(bug);
    expect(bug).not.toBeInstanceOf(DataflowError);
  });

  it('says whose option it was', () => {
    const error = expectError('OPTION_RANGE', () =>
      checked('who', {}, [], () => ({ n: integer({ n: 0 }, 1, 2) })),
    );
    expect(error.at.step).toBe('who');
  });
});
