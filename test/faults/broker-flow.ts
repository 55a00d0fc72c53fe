/**
 * The flow between brokers that the crash tests kill, as a process of its own.
 *
 *   broker-flow.js BROKER SERVER INPUT OUTPUT DIRECTORY   keeps DIRECTORY/checkpoints
 *
 * It says `running` once it runs and `done` with its report at the end.
 */
import { natsJetStreamSink, redisStreamSink } from '../../sinks/index.js';
import { natsJetStream, redisStream } from '../../sources/index.js';
import { directoryStore } from '../../src/directory-store.js';
import type { Sink } from '../../src/sink.js';
import type { Source } from '../../src/source.js';
import { recurrence, recurrenceSchema as schema, throttled } from '../support/recurrence.js';

const [broker, server, input, output, directory] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

const pairs: Record<string, () => readonly [Source, Sink]> = {
  nats: () => [
    natsJetStream({ servers: server, stream: input, consumer: 'flow', until: 'end', batchRows: 20, schema }),
    natsJetStreamSink({ servers: server, stream: output, subject: `${output}.out`, inFlight: 16 }),
  ],
  redis: () => [
    redisStream({
      url: `redis://${server}`,
      key: input,
      group: 'flow',
      field: 'data',
      until: 'end',
      batchRows: 20,
      schema,
    }),
    redisStreamSink({ url: `redis://${server}`, key: output, field: 'data' }),
  ],
};

const [source, sink] = pairs[broker]!();
process.stdout.write('running\n');
const report = await recurrence(throttled(source, 8), sink).run({
  checkpoint: { store: directoryStore(`${directory}/checkpoints`), everyBatches: 4 },
});
process.stdout.write(`done ${JSON.stringify(report)}\n`);
