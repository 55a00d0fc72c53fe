/**
 * Servers for tests: those that are there, found by environment variables, and own ones that a test may kill.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Servers as `host:port`. */
export const NATS = process.env.NATS_SERVER ?? '127.0.0.1:4222';
export const REDIS = process.env.REDIS_SERVER ?? '127.0.0.1:6379';
export const MQTT = process.env.MQTT_SERVER ?? '127.0.0.1:1883';

const HOW: Readonly<Record<string, string>> = {
  NATS: 'nats-server -a 127.0.0.1 -p 4222 -js -sd DIRECTORY, or set NATS_SERVER=host:port',
  Redis: 'redis-server --port 6379, or set REDIS_SERVER=host:port',
  MQTT: 'mosquitto -p 1883, or set MQTT_SERVER=host:port',
};

/** Whether a server answers; where none does, how to start one is said. */
export async function answers(kind: keyof typeof HOW, server: string): Promise<boolean> {
  const isThere = await accepts(server);
  if (!isThere) console.warn(`Tests with ${kind} are skipped: none at ${server}. Start one: ${HOW[kind]}`);
  return isThere;
}

/** Whether a program can be started. */
export function hasProgram(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(name, ['--version'], { stdio: 'ignore' });
    child.on('error', () => {
      console.warn(`Tests that kill a server are skipped: '${name}' is not installed.`);
      resolve(false);
    });
    child.on('close', () => resolve(true));
  });
}

/** A server of a test's own. */
export interface OwnServer {
  readonly address: string;
  readonly port: number;
  start(): Promise<void>;
  /** SIGKILL, by process id. */
  kill(): Promise<void>;
}

/** Makes the command of a server of a port and directory. */
export type ServerCommand = (port: number, directory: string) => readonly [string, ...string[]];

export const natsServer: ServerCommand = (port, directory) => [
  'nats-server',
  ...['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', directory],
];

export const redisServer: ServerCommand = (port, directory) => [
  'redis-server',
  ...['--bind', '127.0.0.1', '--port', `${port}`, '--dir', directory],
  ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
];

export const mosquitto: ServerCommand = (port, directory) => {
  const path = join(directory, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${directory}/`,
    'autosave_interval 1',
    'max_queued_messages 0',
    'user root',
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return ['mosquitto', '-c', path];
};

/** A server that is not running yet; it and its directory are gone behind the test that asks for it. */
export async function ownServer(command: ServerCommand): Promise<OwnServer> {
  const directory = mkdtempSync(join(tmpdir(), 'chunkwise-server-'));
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const kill = async () => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const closed = new Promise((resolve) => running.on('close', resolve));
    running.kill('SIGKILL');
    await closed;
  };
  onTestFinished(async () => {
    await kill();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    address,
    port,
    kill,
    async start() {
      const [program, ...args] = command(port, directory);
      child = spawn(program, args, { stdio: 'ignore' });
      while (!(await accepts(address))) await delay(20);
    },
  };
}

export const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A name that no other test, and no earlier run of this one, has used. */
export const ownName = (what: string): string =>
  `cw_${what}_${process.pid}_${Math.floor(Math.random() * 1e9).toString(36)}`;

function accepts(server: string): Promise<boolean> {
  const [host, port] = server.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host: host!, port: Number(port), timeout: 1000 });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
    socket.on('timeout', () => end(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
