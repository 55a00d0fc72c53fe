/**
 * What is said between a thread with an operator and the one that asks it: one request, one reply.
 */
import { DataflowError, type ErrorAt, type ErrorCode } from '../errors.js';
import type { Backend } from '../kernels/kernel.js';
import type { BatchMessage } from './batch-messages.js';
import type { Recipe } from './recipe.js';

/** What a thread is to make its operator of. */
export type ThreadTask = { readonly backend?: Backend } & (
  | { readonly operator: Recipe }
  | { readonly module: { readonly module: string; readonly export: string; readonly options: unknown } }
);

export type Request =
  | { readonly step: BatchMessage }
  | { readonly flush: true }
  | { readonly snapshot: true }
  | { readonly restore: Uint8Array };

export type Reply =
  | { readonly batches: readonly BatchMessage[] }
  | { readonly state: Uint8Array }
  | { readonly error: ErrorMessage };

/** An error as plain data: what is thrown across threads loses its class. */
export interface ErrorMessage {
  /** Absent where it is no error of ours. */
  readonly code?: ErrorCode;
  readonly message: string;
  readonly at?: ErrorAt;
  readonly stack?: string;
  readonly cause?: ErrorMessage;
}

export function errorMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack, cause } = error;
  return {
    message,
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && { cause: errorMessage(cause) }),
    ...(error instanceof DataflowError && { code: error.code, at: error.at }),
  };
}

export function errorOf({ code, message, at, stack, cause }: ErrorMessage): Error {
  const inner = cause && errorOf(cause);
  const error =
    code === undefined
      ? new Error(message, inner && { cause: inner })
      : new DataflowError(code, message, at, inner);
  if (stack !== undefined) error.stack = stack;
  return error;
}
