/**
 * Server-sent events as a feed of messages: connected again wherever the stream ends, behind the last event's id.
 */
import type { EventSourceMessage, EventSourceParser } from 'eventsource-parser';
import { corruptInput, DataflowError, limitExceeded } from '../src/errors.js';
import { optionalPeer } from '../src/optional-peer.js';
import { retried } from '../src/retry.js';
import type { Position } from '../src/source.js';
import { type HttpSetup, judgeRequest, request, shownUrl, why } from './http-request.js';
import type { MessageFeed, MessageKind, Place } from './message-options.js';
import { foreignPosition, positionFields } from './position.js';
import { untilAborted } from './until-aborted.js';

export interface ServerEvent {
  readonly data: string;
  readonly event: string;
  /** The last id that the server told, with this event or before. */
  readonly id: string | null;
  /** Counted from 1 in each reading. */
  readonly number: number;
}

const encoder = new TextEncoder();

export const eventKind: MessageKind<ServerEvent> = {
  payload: ({ data }) => encoder.encode(data),
  number: ({ number }) => number,
  about: {
    id: { type: 'utf8', of: ({ id }) => id },
    event: { type: 'utf8', of: ({ event }) => event },
  },
};

export interface EventOptions {
  readonly ids: 'required' | 'none';
  readonly until: 'end' | 'forever';
  readonly maxRecordBytes: number;
}

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

export class EventFeed implements MessageFeed<ServerEvent> {
  readonly start: Place;
  readonly #setup: HttpSetup;
  readonly #options: EventOptions;
  readonly #signal: AbortSignal;
  #decoder = new TextDecoder();
  #parser: EventSourceParser | undefined;
  #body: BodyReader | undefined;
  #events: ServerEvent[] = [];
  #arriving: Promise<boolean> | undefined;
  #id: string | null;
  #number = 0;
  /** How long the server wants to be left alone between two connections. */
  #leastMs: number;
  #tooLong = false;
  #isIdle = true;

  constructor(setup: HttpSetup, options: EventOptions, from: Position | undefined, signal: AbortSignal) {
    this.#setup = setup;
    this.#options = options;
    this.#signal = signal;
    this.#id = idAt(setup.who, from);
    this.#leastMs = setup.request.retry.firstDelayMs ?? 0;
    this.start = { id: this.#id };
  }

  placeBehind({ id }: ServerEvent): Place {
    return { id };
  }

  async take(most: number, waitMs: number): Promise<readonly ServerEvent[] | undefined> {
    if (this.#events.length === 0) {
      this.#arriving ??= this.#arrive();
      const isLate = await this.#lateness(this.#arriving, waitMs);
      if (isLate) return [];
      const isOpen = await this.#arriving;
      this.#arriving = undefined;
      if (!isOpen) return undefined;
    }
    return this.#events.splice(0, most);
  }

  close(): void {
    this.#body?.cancel().catch(() => {});
  }

  /** Resolves with true after `waitMs`, with false once the work is settled, whatever it came to. */
  #lateness(work: Promise<unknown>, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(waitMs) ? setTimeout(() => resolve(true), waitMs) : undefined;
      const settled = () => {
        clearTimeout(timer);
        resolve(false);
      };
      work.then(settled, settled);
    });
  }

  /** Resolves with true once there are events, with false where there will be no more. */
  async #arrive(): Promise<boolean> {
    const { who, request } = this.#setup;
    for (;;) {
      const isOpen = await retried(
        who,
        request.retry,
        () => this.#read(),
        this.#signal,
        (error) => {
          const judged = judgeRequest(error);
          return judged === false ? false : Math.max(Number(judged), this.#leastMs);
        },
      );
      if (this.#events.length > 0) return true;
      if (!isOpen) return false;
    }
  }

  /** Reads one piece of the stream, connecting where that is needed; false at an end that is the last. */
  async #read(): Promise<boolean> {
    this.#body ??= await this.#connect();
    if (this.#body === undefined) return false;
    try {
      const { value } = await untilAborted(this.#body.read(), this.#signal);
      if (value !== undefined) {
        this.#parser!.feed(this.#decoder.decode(value, { stream: true }));
        if (this.#tooLong) {
          throw limitExceeded(
            this.#setup.who,
            'maxRecordBytes',
            this.#options.maxRecordBytes,
            'An event is longer.',
          );
        }
        return true;
      }
    } catch (error) {
      this.#disconnect();
      this.#signal.throwIfAborted();
      throw error instanceof DataflowError ? error : this.#failed(why(error), error);
    }
    this.#disconnect();
    if (this.#options.until === 'end') return false;
    if (this.#isIdle) throw this.#failed('the end of it, before any event', new Error('no event'));
    await pause(this.#leastMs, this.#signal);
    return true;
  }

  async #connect(): Promise<BodyReader | undefined> {
    const { who } = this.#setup;
    const { createParser } = await optionalPeer(
      who,
      'eventsource-parser',
      () => import('eventsource-parser'),
    );
    const headers = {
      accept: 'text/event-stream',
      'cache-control': 'no-store',
      ...(this.#id !== null && { 'last-event-id': this.#id }),
    };
    const response = await request(this.#setup, { headers }, this.#signal);
    if (response.status === 204) return undefined;
    const type = response.headers.get('content-type') ?? 'none';
    if (!type.startsWith('text/event-stream')) {
      await response.body?.cancel();
      throw corruptInput(who, `type of ${shownUrl(this.#setup.url)}`, 'text/event-stream', type);
    }
    this.#decoder = new TextDecoder();
    this.#isIdle = true;
    this.#parser = createParser({
      maxBufferSize: this.#options.maxRecordBytes,
      onEvent: (event) => this.#take(event),
      onRetry: (ms) => {
        this.#leastMs = Math.min(ms, 3_600_000);
      },
      onError: ({ type }) => {
        this.#tooLong ||= type === 'max-buffer-size-exceeded';
      },
    });
    return response.body!.getReader();
  }

  #take({ data, event = 'message', id }: EventSourceMessage): void {
    this.#isIdle = false;
    if (id !== undefined && !id.includes('\0')) this.#id = id === '' ? null : id;
    const number = ++this.#number;
    if (this.#id === null && this.#options.ids === 'required') {
      throw corruptInput(
        this.#setup.who,
        `event ${number}`,
        "an id to go on behind (or ids: 'none')",
        'none',
      );
    }
    this.#events.push({ data, event, id: this.#id, number });
  }

  #disconnect(): void {
    this.#body?.cancel().catch(() => {});
    this.#body = undefined;
  }

  #failed(got: string, cause: unknown) {
    const { who, url, failed } = this.#setup;
    return failed(who, `events of ${shownUrl(url)}`, 'the next one', got, cause);
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  untilAborted(new Promise((resolve) => setTimeout(resolve, ms)), signal);

function idAt(who: string, from: Position | undefined): string | null {
  if (from === undefined) return null;
  const id = positionFields(from)?.id;
  if (id === null || typeof id === 'string') return id;
  throw foreignPosition(who, "an event's id", from);
}
