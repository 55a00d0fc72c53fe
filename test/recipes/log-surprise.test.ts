/**
 * The recipe over a followed directory of logs: lines are appended and files turn up while it runs, it is killed and started
 * again, and the output is that of a run over the finished files.
 */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { started } from '../faults/child.js';
import { delay } from '../support/servers.js';

const root = mkdtempSync(join(tmpdir(), 'chunkwise-recipe-'));
afterAll(() => rmSync(root, { recursive: true }));

const FILES = 4;
const airports = readFileSync('node_modules/vega-datasets/data/airports.csv', 'utf8').trimEnd().split('\n');
/** Real lines as messages, and one that does not belong. */
const messages = airports.slice(1, 1601).with(1400, 'GET /robots.txt HTTP/1.1 \u0000\u0001');
const lines = messages.map((message) => `${JSON.stringify({ message })}\n`);
const linesPerFile = lines.length / FILES;

const run = (logs: string, name: string, idleMs: number, killAfterMs?: number) =>
  started('dist/src/cli/main.js', ['run', 'examples/recipes/log-surprise.yaml', '--quiet'], {
    env: {
      LOGS: join(logs, '*.jsonl'),
      OUTPUT: join(root, `${name}.jsonl`),
      CHECKPOINTS: join(root, `${name}.ckpt`),
      IDLE_MS: `${idleMs}`,
    },
    onStart: (child) => {
      if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    },
  });

/** Writes a file's lines a few at a time, with a line cut in the middle now and then. */
async function grow(path: string, text: string): Promise<void> {
  for (let at = 0; at < text.length; at += 5000) {
    appendFileSync(path, text.slice(at, at + 5000));
    await delay(20);
  }
}

describe('a followed log directory → onlineModel → JSON lines', () => {
  it('scores every line once, as the logs grow, and through a kill', { timeout: 90_000 }, async () => {
    const [whole, growing] = [join(root, 'whole'), join(root, 'growing')];
    for (const directory of [whole, growing]) mkdirSync(directory);
    const files = Array.from({ length: FILES }, (_, i) =>
      lines.slice(i * linesPerFile, (i + 1) * linesPerFile).join(''),
    );
    for (const [i, text] of files.entries()) appendFileSync(join(whole, `log-${i}.jsonl`), text);
    expect((await run(whole, 'whole', 1)).errors).toBe('');

    const writing = (async () => {
      for (const [i, text] of files.entries()) await grow(join(growing, `log-${i}.jsonl`), text);
    })();
    expect((await run(growing, 'growing', 60_000, 1500)).signal).toBe('SIGKILL');
    const { code, errors } = await run(growing, 'growing', 2000);
    expect(code, errors).toBe(0);
    await writing;

    const scored = readFileSync(join(root, 'growing.jsonl'), 'utf8');
    expect(scored).toBe(readFileSync(join(root, 'whole.jsonl'), 'utf8'));
    const rows = scored
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ message }) => message)).toEqual(messages);
    const worst = rows.slice(500).sort((a, b) => b.bitsPerByte - a.bitsPerByte)[0];
    expect(worst.message).toBe(messages[1400]);
  });
});
