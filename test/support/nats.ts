/**
 * Streams of NATS JetStream for tests: made, filled, read and removed by the plain client.
 */
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { ownName } from './servers.js';

export interface TestStream {
  readonly name: string;
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  /** A subject of the stream. */
  subject(last: string): string;
  publish(last: string, ...payloads: readonly (string | Uint8Array)[]): Promise<void>;
  /** The payloads of all messages, in order. */
  texts(): Promise<string[]>;
  remove(): Promise<void>;
}

type Settings = Parameters<JetStreamManager['streams']['add']>[0];

export async function testStream(server: string, settings: Partial<Settings> = {}): Promise<TestStream> {
  const name = settings.name ?? ownName('nats');
  const connection = await connect({ servers: server, reconnectTimeWait: 50, maxReconnectAttempts: -1 });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ subjects: [`${name}.>`], ...settings, name });
  const js = jetstream(connection);
  return {
    name,
    connection,
    manager,
    subject: (last) => `${name}.${last}`,
    async publish(last, ...payloads) {
      for (let i = 0; i < payloads.length; i += 500) {
        await Promise.all(
          payloads.slice(i, i + 500).map((payload) => js.publish(`${name}.${last}`, payload)),
        );
      }
    },
    async texts() {
      // A connection of its own: that of the test may still be on its way back to a server that was killed.
      const fresh = await connect({ servers: server });
      const { messages } = (await (await jetstreamManager(fresh)).streams.info(name)).state;
      const consumer = await jetstream(fresh).consumers.get(name, {});
      const texts: string[] = [];
      if (messages > 0) {
        for await (const message of await consumer.consume()) {
          texts.push(message.string());
          if (texts.length === messages) break;
        }
      }
      await fresh.close();
      return texts;
    },
    async remove() {
      await manager.streams.delete(name);
      await connection.close();
    },
  };
}
