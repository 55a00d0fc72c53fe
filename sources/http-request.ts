/**
 * Requests by HTTP: what is tried again, how long is waited, and what an error tells.
 *
 * A request is tried again where no answer came and on 408, 429 and 5xx, not before what `Retry-After` asks for. Every other
 * status that is no success ends the run at once.
 */
import { DataflowError, optionRange, reason, type sinkFailed, type sourceFailed } from '../src/errors.js';
import { integer, text } from '../src/options.js';
import { type Judge, type RetryPolicy, retryOptions } from '../src/retry.js';
import { untilAborted } from './until-aborted.js';

export interface HttpRequestOptions {
  /** Headers of every request. They are in no message. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How often and when a request is tried again. Default: five times in a row, from 100 ms on. */
  readonly retry?: RetryPolicy;
  /** Milliseconds to wait for an answer to begin, and for a body to go on. 1 … 2^31 − 1, default 30,000. */
  readonly timeoutMs?: number;
}

export interface ResolvedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
}

export function requestOptions(who: string, options: HttpRequestOptions): ResolvedRequest {
  const { headers = {} } = options;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || /[\r\n\0]/.test(value) || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
      throw optionRange('', `headers['${name}']`, 'one line of text', typeof value);
    }
  }
  return {
    headers,
    retry: retryOptions(who, options.retry),
    timeoutMs: integer({ timeoutMs: options.timeoutMs ?? 30_000 }, 1, 2 ** 31 - 1),
  };
}

/** A URL of one of the schemes, which is never shown with its user, password or query. */
export function urlOption(url: unknown, schemes: readonly string[]): URL {
  const parsed = URL.canParse(text({ url })) ? new URL(url as string) : undefined;
  if (parsed !== undefined && schemes.includes(parsed.protocol)) return parsed;
  throw optionRange('', 'url', `a URL of ${schemes.join(' or ')}`, parsed?.protocol ?? 'text that is no URL');
}

/** A URL as messages show it. */
export const shownUrl = ({ protocol, host, pathname }: URL): string => `${protocol}//${host}${pathname}`;

/** Who asks, and how. */
export interface HttpSetup {
  readonly who: string;
  readonly url: URL;
  readonly method: string;
  readonly body?: string;
  readonly failed: typeof sourceFailed | typeof sinkFailed;
  readonly request: ResolvedRequest;
}

/** What the server answered instead of what was asked for. */
class HttpRefusal extends Error {
  readonly status: number;
  readonly retryAfterMs: number;

  constructor(response: Response, body: string) {
    super(`status ${response.status}${body === '' ? '' : `: ${body}`}`);
    this.status = response.status;
    this.retryAfterMs = retryAfter(response.headers.get('retry-after'));
  }
}

/** One attempt: an answer with a status of success, or one that is `also` expected. Cancel or read its body. */
export async function request(
  { who, url, method, body, failed, request: { headers, timeoutMs } }: HttpSetup,
  more: RequestInit & { readonly headers: Readonly<Record<string, string>> },
  signal: AbortSignal,
  also: readonly number[] = [],
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const { username, password } = url;
    const credentials = username === '' ? {} : { authorization: basic(username, password) };
    const bare = new URL(url);
    bare.username = '';
    bare.password = '';
    const response = await fetch(bare, {
      method,
      ...(body !== undefined && { body }),
      ...more,
      headers: { ...credentials, ...more.headers, ...headers },
      signal: AbortSignal.any([signal, late.signal]),
    });
    if (response.ok || also.includes(response.status)) return response;
    throw new HttpRefusal(response, await firstWords(response));
  } catch (error) {
    signal.throwIfAborted();
    throw failed(who, `${method} ${shownUrl(url)}`, 'an answer of success', why(error), error);
  } finally {
    clearTimeout(timer);
  }
}

const basic = (user: string, password: string) =>
  `Basic ${btoa(`${decodeURIComponent(user)}:${decodeURIComponent(password)}`)}`;

/** What went wrong, which `fetch` hides in a cause. */
export function why(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const told = cause instanceof AggregateError ? cause.errors.map(reason).join('; ') : cause && reason(cause);
  return `${told || reason(error)}`.replace(/\.$/, '');
}

/** The beginning of an answer that says what is wrong. */
async function firstWords(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const first = await untilAborted(
    reader?.read() ?? Promise.resolve(undefined),
    AbortSignal.timeout(1000),
  ).catch(() => undefined);
  reader?.cancel().catch(() => {});
  const words = new TextDecoder().decode(first?.value?.subarray(0, 200));
  return words.replace(/\s+/g, ' ').trim();
}

const LONGEST_WAIT_MS = 3_600_000;

/** Looks at a failed request: false where another would fare no better, otherwise the least milliseconds to wait. */
export const judgeRequest: Judge = (error) => {
  if (!(error instanceof DataflowError) || error.cause === undefined) return false;
  if (!(error.cause instanceof HttpRefusal)) return true;
  const { status, retryAfterMs } = error.cause;
  const isPassing = status === 408 || status === 429 || status >= 500;
  return isPassing && retryAfterMs <= LONGEST_WAIT_MS ? retryAfterMs : false;
};

/** `Retry-After` in milliseconds from now: seconds, or a date. */
function retryAfter(header: string | null): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}
