/**
 * The body of a resource from any byte on, by as many requests as it takes.
 *
 * 1. Where the connection is lost, the next request asks for the rest (`Range`); a server that sends the whole again has the
 *    beginning passed over.
 * 2. An entity tag, or else the date of the last change, says that it is still the same resource; if not, that is
 *    STATE_VERSION. Where the server tells neither, that is trusted.
 * 3. It is asked for as it is, without compression, since positions are bytes.
 */
import { stateMismatch } from '../src/errors.js';
import { retried } from '../src/retry.js';
import { type HttpSetup, judgeRequest, request, shownUrl, why } from './http-request.js';
import { untilAborted } from './until-aborted.js';

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

export class HttpBody {
  readonly name: string;
  readonly #setup: HttpSetup;
  #validator: string | undefined;

  /** `validator` is what the resource had when it was read before. */
  constructor(setup: HttpSetup, validator: string | undefined) {
    this.#setup = setup;
    this.#validator = validator;
    this.name = shownUrl(setup.url);
  }

  /** Tells one state of the resource from another, once a request was answered; undefined where the server does not. */
  get validator(): string | undefined {
    return this.#validator;
  }

  async *chunks(offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { who, request } = this.#setup;
    let at = offset;
    let toSkip = 0;
    let reader: BodyReader | undefined;
    const next = async () => {
      try {
        if (reader === undefined) {
          const opened = await this.#open(at, signal);
          reader = opened.reader;
          toSkip = opened.toSkip;
        }
        return await this.#chunk(reader, signal);
      } catch (error) {
        reader?.cancel().catch(() => {});
        reader = undefined;
        throw error;
      }
    };
    try {
      for (;;) {
        const chunk = await retried(who, request.retry, next, signal, judgeRequest);
        if (chunk === undefined) return;
        const skipped = Math.min(toSkip, chunk.length);
        toSkip -= skipped;
        at += chunk.length - skipped;
        if (skipped < chunk.length) yield chunk.subarray(skipped);
      }
    } finally {
      reader?.cancel().catch(() => {});
    }
  }

  async #open(at: number, signal: AbortSignal): Promise<{ reader: BodyReader; toSkip: number }> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (at > 0) headers.range = `bytes=${at}-`;
    const response = await request(this.#setup, { headers }, signal, [416]);
    this.#recognise(response);
    const body = response.body ?? new Response('').body!;
    if (response.status !== 206 && response.status !== 416) return { reader: body.getReader(), toSkip: at };
    const range = response.headers.get('content-range') ?? '';
    const isExpected =
      response.status === 206 ? range.startsWith(`bytes ${at}-`) : range.endsWith(`/${at}`) && at > 0;
    if (!isExpected) {
      await body.cancel();
      const expected = `what follows byte ${at}`;
      throw this.#setup.failed(this.#setup.who, `the rest of ${this.name}`, expected, range || 'no range');
    }
    if (response.status === 206) return { reader: body.getReader(), toSkip: 0 };
    await body.cancel();
    return { reader: new Response('').body!.getReader(), toSkip: 0 };
  }

  #recognise({ headers, status }: Response): void {
    const validator = headers.get('etag') ?? headers.get('last-modified') ?? undefined;
    if (status !== 416 && this.#validator !== undefined && validator !== this.#validator) {
      const advice = 'It was changed in between: start anew.';
      throw stateMismatch(
        this.#setup.who,
        `state of ${this.name}`,
        this.#validator,
        validator ?? 'none',
        advice,
      );
    }
    this.#validator ??= validator;
  }

  async #chunk(reader: BodyReader, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { who, failed, request } = this.#setup;
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new Error(`nothing for ${request.timeoutMs} ms`)),
      request.timeoutMs,
    );
    try {
      const { value } = await untilAborted(reader.read(), AbortSignal.any([signal, late.signal]));
      return value;
    } catch (error) {
      signal.throwIfAborted();
      throw failed(who, `body of ${this.name}`, 'its next bytes', why(error), error);
    } finally {
      clearTimeout(timer);
    }
  }
}
