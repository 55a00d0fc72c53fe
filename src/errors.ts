/**
 * The one error class, its codes, and every message this project writes.
 *
 * A message reads `<step or operator>: <what>, expected <X>, got <Y>. <What to do.>`; `code` is stable and `at` says
 * where in the stream it happened.
 */

export type ErrorCode =
  | 'OPTION_RANGE'
  | 'COLUMN_MISSING'
  | 'COLUMN_TYPE'
  | 'COLUMN_WIDTH'
  | 'NOT_FINITE'
  | 'LIMIT_EXCEEDED'
  | 'STATE_VERSION'
  | 'CORRUPT_INPUT'
  | 'TRUNCATED_INPUT'
  | 'SOURCE_FAILED'
  | 'STEP_FAILED'
  | 'SINK_FAILED'
  | 'CHECKPOINT_CORRUPT'
  | 'PACKAGE_MISSING';

/** Where an error happened, as far as it is known. Batches and rows count from 0, lines and text columns from 1. */
export interface ErrorAt {
  readonly step?: string;
  readonly batch?: number;
  readonly row?: number;
  readonly column?: string;
  readonly file?: string;
  readonly line?: number;
  /** The option that was refused, `outer.inner` where it lies in another. */
  readonly option?: string;
}

export class DataflowError extends Error {
  readonly code: ErrorCode;
  readonly at: ErrorAt;

  constructor(code: ErrorCode, message: string, at: ErrorAt = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DataflowError';
    this.code = code;
    this.at = at;
  }

  /** The same error, told by the step (and batch) that it happened in; what is already known stays. */
  within(at: ErrorAt): DataflowError {
    const message =
      at.step === undefined || this.at.step !== undefined ? this.message : prefixed(at.step, this.message);
    return new DataflowError(this.code, message, { ...at, ...this.at }, this.cause);
  }
}

/** A value as a message shows it: short, quoted where it is text, never a whole array. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `'${value.slice(0, 57)}...'` : `'${value}'`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (Array.isArray(value))
    return value.length > 8 ? `a list of ${value.length}` : `[${value.map(shown).join(', ')}]`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}`;
  if (value !== null && typeof value === 'object') return JSON.stringify(value) ?? 'an object';
  return String(value);
}

/** `who: message`, without saying an operator's name twice where a step is named after it (`1:retention`). */
function prefixed(who: string, message: string): string {
  const operator = who.slice(who.indexOf(':') + 1);
  return who === ''
    ? message
    : `${who}: ${message.startsWith(`${operator}: `) ? message.slice(operator.length + 2) : message}`;
}

const sentence = (who: string, what: string, expected: string, got: string, advice = '') =>
  prefixed(who, `${what}, expected ${expected}, got ${got}.${advice && ` ${advice}`}`);

/** An option outside of its range; thrown where the operator, source or sink is called. */
export const optionRange = (who: string, option: string, expected: string, got: unknown, advice?: string) =>
  new DataflowError('OPTION_RANGE', sentence(who, `option ${option}`, expected, shown(got), advice), {
    option: option.replaceAll("'", ''),
  });

export const columnMissing = (who: string, role: string, name: string, present: readonly string[]) =>
  new DataflowError(
    'COLUMN_MISSING',
    sentence(
      who,
      `column '${name}' is missing`,
      `a column for role ${role}`,
      present.length > 0 ? `columns ${present.join(', ')}` : 'no columns',
      `Rename a column, or say columns: { ${role}: '…' }.`,
    ),
    { column: name },
  );

export const columnType = (who: string, name: string, expected: string, got: string, advice?: string) =>
  new DataflowError('COLUMN_TYPE', sentence(who, `type of column '${name}'`, expected, got, advice), {
    column: name,
  });

export const columnWidth = (who: string, name: string, expected: number, got: number) =>
  new DataflowError('COLUMN_WIDTH', sentence(who, `width of column '${name}'`, `${expected}`, `${got}`), {
    column: name,
  });

/** NaN or infinity where a finite number is needed. */
export const notFinite = (who: string, name: string, row: number, got: string) =>
  valueRefused('NOT_FINITE', who, name, row, 'a finite number', got);

/** A null where a value is needed. */
export const nullRefused = (who: string, name: string, row: number) =>
  valueRefused('NOT_FINITE', who, name, row, 'a value', 'null');

/** A number outside of what the column may hold. */
export const outOfDomain = (who: string, name: string, row: number, expected: string, got: string) =>
  valueRefused('CORRUPT_INPUT', who, name, row, expected, got);

const valueRefused = (
  code: ErrorCode,
  who: string,
  name: string,
  row: number,
  expected: string,
  got: string,
) =>
  new DataflowError(
    code,
    sentence(who, `value of column '${name}' in row ${row}`, expected, got, 'Clean or filter the row first.'),
    { column: name, row },
  );

export const schemaChanged = (who: string, expected: string, got: string) =>
  new DataflowError(
    'COLUMN_TYPE',
    sentence(
      who,
      'the schema changes inside the stream',
      expected,
      got,
      'Run each schema as a dataflow of its own.',
    ),
  );

export const limitExceeded = (who: string, limit: string, most: number, advice: string) =>
  new DataflowError('LIMIT_EXCEEDED', sentence(who, `limit ${limit}`, `at most ${most}`, `more`, advice));

/** A state or checkpoint that belongs to something else: another pipeline, operator, version, option or layout. */
export const stateMismatch = (who: string, what: string, expected: unknown, got: unknown, advice: string) =>
  new DataflowError('STATE_VERSION', sentence(who, what, shown(expected), shown(got), advice));

/** Bytes of a state or checkpoint that cannot be trusted. */
export const checkpointCorrupt = (who: string, what: string, expected: unknown, got: unknown) =>
  new DataflowError(
    'CHECKPOINT_CORRUPT',
    sentence(
      who,
      what,
      shown(expected),
      shown(got),
      'The file is damaged or was cut off: use an older checkpoint.',
    ),
  );

export const corruptInput = (
  who: string,
  what: string,
  expected: string,
  got: string,
  at?: ErrorAt,
  cause?: unknown,
) => new DataflowError('CORRUPT_INPUT', sentence(who, what, expected, got), at, cause);

/** A key that rows cannot be read on from. */
export const keyRefused = (who: string, key: string, row: number, expected: string, got: string) =>
  new DataflowError(
    'CORRUPT_INPUT',
    sentence(
      who,
      `key '${key}' in row ${row} of the batch`,
      expected,
      got,
      'Name a unique column without nulls, or add row_number() over (order by …).',
    ),
    { column: key, row },
  );

export const truncatedInput = (who: string, what: string, expected: string, got: string, at?: ErrorAt) =>
  new DataflowError('TRUNCATED_INPUT', sentence(who, what, expected, got, 'The input was cut off.'), at);

export const sourceFailed = (who: string, what: string, expected: string, got: string, cause?: unknown) =>
  new DataflowError('SOURCE_FAILED', sentence(who, what, expected, got), {}, cause);

/** A step that threw something of its own, which is the cause. */
export const stepFailed = (step: string, batch: number, got: string, cause: unknown) =>
  new DataflowError('STEP_FAILED', sentence(step, `batch ${batch}`, 'no error', got), { step, batch }, cause);

/** An error with the step and the batch it happened in; what a user's function throws becomes the cause of one of ours. */
export function toldByStep(step: string, batch: number, error: unknown): DataflowError {
  if (!(error instanceof DataflowError)) return stepFailed(step, batch, reason(error), error);
  const isTold = error.at.step !== undefined && error.at.batch !== undefined;
  return isTold ? error : error.within({ step, batch });
}

export const sinkFailed = (who: string, what: string, expected: string, got: string, cause?: unknown) =>
  new DataflowError('SINK_FAILED', sentence(who, what, expected, got), {}, cause);

/** What a flow file says where `place` is `file:line:column`. */
export const flowFileError = (
  place: string,
  what: string,
  expected: string,
  got: string,
  at: ErrorAt,
  cause?: unknown,
) => new DataflowError('OPTION_RANGE', sentence(place, what, expected, got), at, cause);

/** A query that the database does not take; known at the first batch. */
export const queryRefused = (who: string, got: string, cause?: unknown) =>
  new DataflowError(
    'OPTION_RANGE',
    sentence(who, 'option query', 'one that the database takes', got),
    {},
    cause,
  );

/** A query that failed over the rows that it was asked about. */
export const queryFailed = (who: string, got: string, cause: unknown) =>
  new DataflowError('STEP_FAILED', sentence(who, 'the query', 'an answer', got), {}, cause);

/** What a function refused that a flow file calls at `place`. */
export const flowFileRefused = (place: string, message: string, at: ErrorAt, error: DataflowError) =>
  new DataflowError(error.code, `${place}: ${message}`, { ...error.at, ...at }, error);

/** A package that a connector needs and that could not be loaded. */
export const missingPackage = (who: string, name: string, got: string, cause: unknown) =>
  new DataflowError(
    'PACKAGE_MISSING',
    sentence(who, `package '${name}'`, 'to load it', got, `Install it: npm install ${name}`),
    {},
    cause,
  );

/** The reason inside any thrown value, in few words. */
export const reason = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown));
