/**
 * Writes rows to a JetStream stream over connections that may break.
 *
 * 1. Messages are published in order, `inFlight` at a time; a write is done when the server has acknowledged them all.
 * 2. When a connection breaks, the next one first asks the stream which rows it has (see `nats-sent.ts`).
 * 3. A position is the run, its rows so far, and the sequence of the last message.
 */
import type { PubAck } from '@nats-io/jetstream';
import type { RecordBatch } from 'apache-arrow';
import { connectNats, mayPass, type NatsSession, natsFailed } from '../sources/nats-connection.js';
import { foreignPosition, integersAt, positionFields } from '../sources/position.js';
import { sinkFailed } from '../src/errors.js';
import { retried } from '../src/retry.js';
import type { SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import { MessageEncoder, type Outgoing } from './message-encoder.js';
import type { NatsJetStreamSinkOptions, ResolvedNatsSink } from './nats-jetstream-sink.js';
import { addSentRows, type Mark, ROWS_HEADER, RUN_HEADER, refuseUnknowable } from './nats-sent.js';
import { publishWindow } from './publish-window.js';
import { SentRows } from './sent-rows.js';

/** Room for headers within the server's and the stream's limits of a message. */
const HEADER_BYTES = 512;

export async function openJetStream(
  who: string,
  given: NatsJetStreamSinkOptions,
  options: ResolvedNatsSink,
  resume: Position | undefined,
  signal: AbortSignal,
): Promise<SinkWriter> {
  const writer = new JetStreamWriter(who, given, options, resume, signal);
  await writer.begin();
  return writer;
}

class JetStreamWriter implements SinkWriter {
  readonly #who: string;
  readonly #given: NatsJetStreamSinkOptions;
  readonly #options: ResolvedNatsSink;
  readonly #signal: AbortSignal;
  readonly #encoder: MessageEncoder;
  readonly #sent = new SentRows();
  /** What is known of the stream: undefined before the first connection of a run that begins. */
  #mark: Mark | undefined;
  #isResumed: boolean;
  #mostBytes = 1;
  #rows = 0;
  #bytes = 0;
  #session: NatsSession | undefined;

  constructor(
    who: string,
    given: NatsJetStreamSinkOptions,
    options: ResolvedNatsSink,
    resume: Position | undefined,
    signal: AbortSignal,
  ) {
    this.#who = who;
    this.#given = given;
    this.#options = options;
    this.#signal = signal;
    this.#encoder = new MessageEncoder(who, options.format, { subject: options.subject });
    this.#isResumed = resume !== undefined;
    if (resume === undefined) return;
    const { run, created } = positionFields(resume) ?? {};
    const { rows, sequence, ms } = integersAt(who, resume, ['rows', 'sequence', 'ms']);
    if (typeof run !== 'string' || typeof created !== 'string') {
      throw foreignPosition(who, 'a run and its stream', resume);
    }
    this.#rows = rows;
    this.#mark = { run, created, sequence, ms };
  }

  get bytes(): number {
    return this.#bytes;
  }

  async begin(): Promise<void> {
    await this.#persisting(() => this.#connected());
    this.#isResumed = false;
  }

  async write(batch: RecordBatch): Promise<void> {
    const parts = this.#sent.missing(batch, this.#rows);
    let messages = parts.flatMap((part) => this.#encoder.messages(part.batch, part.row, this.#mostBytes));
    this.#mark = { ...this.#mark!, ms: Date.now() };
    while (messages.length > 0) messages = await this.#persisting(() => this.#publishSome(messages));
    this.#rows += batch.numRows;
  }

  position(): Position {
    return { ...this.#mark!, rows: this.#rows, ms: Date.now() };
  }

  async finish(): Promise<void> {
    await this.abandon();
  }

  async abandon(): Promise<void> {
    await this.#session?.connection.close();
  }

  async #persisting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await retried(this.#who, this.#options.retry, work, this.#signal, mayPass);
    } catch (error) {
      throw this.#signal.aborted ? error : natsFailed(this.#who, error, sinkFailed);
    }
  }

  /** Publishes; gives the messages that are left where the connection broke behind the first. */
  async #publishSome(messages: readonly Outgoing[]): Promise<Outgoing[]> {
    const session = await this.#connected();
    const missing = messages.filter((message) => !this.#sent.has(message));
    const { done, failure } = await publishWindow(
      missing,
      this.#options.inFlight,
      (message) => this.#publish(session, message),
      ({ payload }, { seq }) => {
        this.#mark = { ...this.#mark!, sequence: Math.max(seq, this.#mark!.sequence) };
        this.#bytes += payload.length;
      },
    );
    if (failure === undefined) return [];
    await session.connection.close();
    if (done === 0 || !mayPass(failure.error)) throw failure.error;
    return missing.slice(done);
  }

  #publish({ js, headers }: NatsSession, { payload, first, end, address }: Outgoing): Promise<PubAck> {
    const { subject, stream, timeoutMs } = this.#options;
    const { run } = this.#mark!;
    const told = headers();
    told.set(RUN_HEADER, run);
    told.set(ROWS_HEADER, `${first}-${end}`);
    const to = typeof subject === 'string' ? subject : address.subject;
    if (!to) throw sinkFailed(this.#who, `subject of row ${first}`, 'a subject of the stream', `${to}`);
    const msgID = `${run}:${first}-${end}`;
    return js.publish(to, payload, {
      msgID,
      headers: told,
      timeout: timeoutMs,
      expect: { streamName: stream },
    });
  }

  /** The connection, made anew where it broke; then what the stream has is asked first. */
  async #connected(): Promise<NatsSession> {
    if (this.#session?.connection.isClosed() === false) return this.#session;
    const session = await connectNats(this.#who, this.#given, this.#options);
    try {
      const { subject, stream } = this.#options;
      const info = await session.manager.streams.info(stream);
      const { created, state } = info;
      const filter = typeof subject === 'string' ? subject : undefined;
      if (this.#mark === undefined) {
        if (filter !== undefined) await this.#refuseSubject(session, filter);
        const run = globalThis.crypto.randomUUID();
        this.#mark = { run, created, sequence: state.last_seq, ms: Date.now() };
      } else {
        const mayBeCutAnew = this.#isResumed && this.#options.format === 'arrow';
        refuseUnknowable(this.#who, info, this.#mark, mayBeCutAnew);
        await addSentRows(session, info, this.#mark, filter, this.#sent);
      }
      const limits = [session.connection.info!.max_payload, info.config.max_msg_size];
      const most = Math.min(...limits.filter((limit) => limit > 0)) - HEADER_BYTES;
      this.#mostBytes = Math.max(1, this.#options.maxMessageBytes ?? most);
      this.#session = session;
      return session;
    } catch (error) {
      await session.connection.close();
      throw error;
    }
  }

  async #refuseSubject({ manager }: NatsSession, subject: string): Promise<void> {
    const { stream } = this.#options;
    const found = await manager.streams.find(subject).catch(() => 'none');
    if (found === stream) return;
    throw sinkFailed(this.#who, `subject '${subject}'`, `one of stream '${stream}'`, `one of ${found}`);
  }
}
