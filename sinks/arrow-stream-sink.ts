/**
 * Arrow IPC streams: to another process through a pipe, to a socket, to a function.
 */
import { type RecordBatch, Schema } from 'apache-arrow';
import { describeSchema, sameSchema } from '../src/columns.js';
import { optionRange, schemaChanged, sinkFailed } from '../src/errors.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import { type ByteOutput, isByteOutput, type OpenOutput, openOutput } from './byte-output.js';
import { compactBatch } from './compact-data.js';
import { END_MARKER, encodeBatch, encodeSchema } from './ipc-encoder.js';

/**
 * Writes an Arrow IPC stream to a Node stream, a web stream or a function; to standard output when nothing is given.
 * The end-of-stream marker comes only with `finish`, so a reader can tell a complete stream from one cut short.
 *
 * Dictionary and view columns are written as plain values. What was sent cannot be taken back: opening it at a
 * position is SINK_FAILED, and a run begun anew sends everything again (at least once).
 */
export function arrowStreamSink(output?: ByteOutput): Sink<'at least once'> {
  const name = 'arrowStreamSink';
  if (output !== undefined && !isByteOutput(output)) {
    throw optionRange(
      name,
      'output',
      'a writable stream, a function, or nothing for standard output',
      output,
    );
  }
  return {
    name,
    guarantee: 'at least once',
    open(resume, signal) {
      if (resume !== undefined) {
        throw sinkFailed(
          name,
          'resuming',
          'a sink that can be cut back, such as a file',
          'a stream that was sent',
        );
      }
      return new ArrowStreamWriter(name, openOutput(name, output, signal));
    },
  };
}

class ArrowStreamWriter implements SinkWriter {
  readonly #who: string;
  readonly #output: OpenOutput;
  #schema: Schema | undefined;
  #bytes = 0;

  constructor(who: string, output: OpenOutput) {
    this.#who = who;
    this.#output = output;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(batch: RecordBatch): Promise<void> {
    const compact = compactBatch(batch);
    if (this.#schema === undefined) await this.#begin(compact.schema);
    else if (!sameSchema(this.#schema, compact.schema)) {
      throw schemaChanged(this.#who, describeSchema(this.#schema), describeSchema(compact.schema));
    }
    await this.#send(encodeBatch(compact).bytes);
  }

  position() {
    return { bytes: this.#bytes };
  }

  async finish(): Promise<void> {
    if (this.#schema === undefined) await this.#begin(new Schema([]));
    await this.#send(END_MARKER);
    await this.#output.end();
  }

  abandon(): Promise<void> {
    return this.#output.stop();
  }

  async #begin(schema: Schema): Promise<void> {
    this.#schema = schema;
    await this.#send(encodeSchema(schema).bytes);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    await this.#output.write(bytes);
    this.#bytes += bytes.length;
  }
}
