/**
 * The recipe between NATS streams on a real text, with the server killed and started again under load: every message
 * comes out once, in its place, as it does where nothing fails. `FAULT_SEED` replays the moments.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { started } from '../faults/child.js';
import { testStream } from '../support/nats.js';
import { generator } from '../support/recurrence.js';
import { delay, hasProgram, natsServer, ownServer } from '../support/servers.js';

const directory = mkdtempSync(join(tmpdir(), 'chunkwise-recipe-'));
afterAll(() => rmSync(directory, { recursive: true }));
const hasServer = await hasProgram('nats-server');

const movies = JSON.parse(readFileSync('node_modules/vega-datasets/data/movies.json', 'utf8')) as {
  readonly Title: unknown;
}[];
const headlines = movies.map(({ Title }) => JSON.stringify({ text: String(Title) }));

describe.skipIf(!hasServer)('NATS JetStream → hashEmbed → attention → NATS JetStream', () => {
  it('gives every message its context once, though the server is killed under load', {
    timeout: 120_000,
  }, async () => {
    const server = await ownServer(natsServer);
    await server.start();
    const [input, whole, output] = [
      await testStream(server.address),
      await testStream(server.address),
      await testStream(server.address),
    ];
    await input.publish('in', ...headlines);
    const run = (to: typeof output) =>
      started('dist/src/cli/main.js', ['run', 'examples/recipes/stream-context.yaml', '--quiet'], {
        env: {
          NATS: server.address,
          INPUT: input.name,
          OUTPUT: to.name,
          SUBJECT: to.subject('out'),
          CHECKPOINTS: join(directory, to.name),
          UNTIL: 'end',
        },
      });
    expect((await run(whole)).errors).toBe('');
    const expected = await whole.texts();
    expect(expected).toHaveLength(headlines.length);
    expect(JSON.parse(expected[100]!).text).toBe(JSON.parse(headlines[100]!).text);
    expect(JSON.parse(expected[100]!).context).toHaveLength(32);
    await input.manager.consumers.delete(input.name, 'stream-context');

    const random = generator(Number(process.env.FAULT_SEED ?? 20_261_103));
    let isDone = false;
    let kills = 0;
    const running = run(output).finally(() => {
      isDone = true;
    });
    await delay(900);
    while (!isDone && kills < 5) {
      await delay(50 + 200 * random());
      if (isDone) break;
      await server.kill();
      kills++;
      await delay(200 * random());
      await server.start();
    }
    const { code, errors } = await running;
    expect(code, errors).toBe(0);
    expect(kills).toBeGreaterThan(0);
    expect(await output.texts()).toEqual(expected);
  });
});
