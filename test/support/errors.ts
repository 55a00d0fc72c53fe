/**
 * Expectations about errors: their code, their place, and the form of their message.
 */
import { DataflowError, type ErrorAt, type ErrorCode } from '../../src/errors.js';

/** Runs what must fail and hands its error over, once code, place and the form `<who>: <what>, expected …, got …` fit. */
export function expectError(
  code: ErrorCode,
  work: () => unknown,
  at: ErrorAt = {},
  what = '',
): DataflowError {
  const error = thrownBy(work);
  if (!(error instanceof DataflowError)) {
    throw new Error(`${what}: expected a DataflowError ${code}, got ${error ?? 'no error'}`);
  }
  if (error.code !== code)
    throw new Error(`${what}: expected code ${code}, got ${error.code}: ${error.message}`);
  if (!/^[\w'→ ]+: .+, expected .+, got .+\./s.test(error.message)) {
    throw new Error(`${what}: expected '<who>: <what>, expected …, got …', got '${error.message}'`);
  }
  for (const [part, value] of Object.entries(at)) {
    const got = error.at[part as keyof ErrorAt];
    if (got !== value) throw new Error(`${what}: expected ${part} ${value}, got ${got}: ${error.message}`);
  }
  return error;
}

function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
