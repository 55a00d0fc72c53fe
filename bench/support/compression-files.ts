/**
 * Files to compress: of npm packages, of this machine, and those that environment variables name.
 */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { uniform } from '../../test/support/property.js';

const ENWIK8_BYTES = 1_000_000;
const BINARY_BYTES = 1_500_000;

const dependency = (path: string) => fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url));

/** Writes the files into a directory, where each is named as in the tables, and answers their names. */
export function placeFiles(directory: string): string[] {
  const files = new Map<string, Uint8Array>();
  const { CHUNKWISE_ENWIK8 } = process.env;
  if (CHUNKWISE_ENWIK8 === undefined) {
    console.error('bench: CHUNKWISE_ENWIK8 names no file, so its first megabyte of Wikipedia is left out');
  } else files.set('enwik8-1MB', readFileSync(CHUNKWISE_ENWIK8).subarray(0, ENWIK8_BYTES));
  for (const name of [
    'zipcodes.csv',
    'birdstrikes.csv',
    'movies.json',
    'flights-20k.json',
    'flights-200k.arrow',
  ]) {
    files.set(name, readFileSync(dependency(`vega-datasets/data/${name}`)));
  }
  files.set('lib.dom.d.ts', readFileSync(dependency('typescript/lib/lib.dom.d.ts')));
  files.set('node-executable', executable());
  files.set('access.log', accessLog(8000));
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
  return [...files.keys()];
}

/** A stretch of machine code from the middle of Node's own executable. */
function executable(): Uint8Array {
  const bytes = new Uint8Array(BINARY_BYTES);
  const file = openSync(process.execPath, 'r');
  readSync(file, bytes, 0, bytes.length, 30_000_000);
  closeSync(file);
  return bytes;
}

/** Lines as a web server writes them, drawn by a seed: clients come back, pages are not equally liked. */
function accessLog(lines: number): Uint8Array {
  const random = uniform(1);
  const pick = (length: number) => Math.floor(length * random() ** 3);
  const agents = [
    'curl/8.5.0',
    'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Googlebot/2.1',
  ];
  const pages = [
    '',
    'index.html',
    'docs/guide',
    'docs/api',
    'assets/app.js',
    'assets/app.css',
    'login',
    'api/v1/items',
  ];
  let seconds = 1_760_000_000;
  const text = Array.from({ length: lines }, () => {
    seconds += pick(9);
    const client = `10.${pick(4)}.${pick(40)}.${pick(250)}`;
    const page = `${pages[pick(pages.length)]}${random() < 0.3 ? `?id=${pick(5000)}` : ''}`;
    const status = random() < 0.93 ? 200 : random() < 0.5 ? 404 : 304;
    const at = new Date(1000 * seconds).toISOString();
    return `${client} - - [${at}] "GET /${page} HTTP/1.1" ${status} ${200 + pick(60_000)} "-" "${agents[pick(3)]}"`;
  });
  return new TextEncoder().encode(`${text.join('\n')}\n`);
}
