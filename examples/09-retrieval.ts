/**
 * Search without an index: five questions attend over 16,600 documents that stream past, a hundred times the
 * operator's memory. A document's key is a hashed embedding of its text, its value says where it is from.
 *
 * Prints:
 *   16577 documents, 67.9 MB of embeddings past a state of 0.3 MB: 257 times as much
 *   …
 *   harbor seaplane base
 *     100 % airports
 *     0.720  X96,Cruz Bay Harbor Seaplane Base,Cruz Bay,VI,USA,18.33689833,-64.79958306
 *     0.227  PR03,Fajardo Harbor Seaplane Base,Fajardo,PR,USA,18.339675,-65.62460583
 *     0.035  X66,Charlotte Amalie Harbor Seaplane Base,Charlotte Amalie,VI,USA,18.33856722,-64.94070111
 *   …
 */
import { readFileSync } from 'node:fs';
import type { RecordBatch } from 'apache-arrow';
import { applyTo, crossAttention, f32, fromColumns } from 'chunkwise';

const data = 'node_modules/vega-datasets/data/';
const read = (file: string) => readFileSync(data + file, 'utf8');
const lines = (file: string) => read(file).trim().split(/\r?\n/).slice(1);

interface Movie {
  readonly [field: string]: string | number | null;
}
const movies = JSON.parse(read('movies.json')) as Movie[];
const told = ['Title', 'Director', 'Distributor', 'Major Genre', 'Creative Type', 'Source', 'Release Date'];

const sources = {
  'bird strikes': lines('birdstrikes.csv'),
  airports: lines('airports.csv'),
  movies: movies.map((movie) => told.map((field) => movie[field] ?? '').join(', ')),
};
const names = Object.keys(sources);
const documents = names.flatMap((name, source) =>
  sources[name as keyof typeof sources].map((text) => ({ text, source })),
);

const questions = [
  'Canada goose hits a Boeing 737 at La Guardia, substantial damage',
  'harbor seaplane base',
  'thriller by Alfred Hitchcock',
  'dinosaurs, directed by Steven Spielberg',
  'vulture hits a military aircraft in Texas',
];

const keyDim = 1024;

/** FNV-1a. */
function hash(word: string): number {
  let h = 2166136261;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 16777619);
  return Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) >>> 0;
}

/** What a text of few words lacks in length: without it, a single word that hashes well would win. */
const shortness = 20;
/** Words that say nothing of what a text is about. */
const common = new Set(['and', 'the', 'with', 'from', 'directed', 'hits']);

/** A text's words and their beginnings, each once. */
function partsOf(text: string): Set<string> {
  const words = (text.toLowerCase().match(/[a-z]{3,}|737/g) ?? []).filter((word) => !common.has(word));
  return new Set(words.flatMap((word) => [word, word.slice(0, 4)]));
}

/** Places of a vector that a word is hashed to: two words seldom share all of theirs. */
const places = 3;

/**
 * A text's words and their beginnings, each in places and with signs that its hash tells, as a vector of about
 * length 1. Long words are rare ones, so they count more.
 */
function embed(text: string, target: Float32Array, at: number): void {
  const row = target.subarray(at, at + keyDim);
  for (const part of partsOf(text)) {
    for (let h = hash(part), place = 0; place < places; place++, h = Math.imul(h, 0x9e3779b1) >>> 0) {
      row[(h >>> 8) % keyDim]! += h & 0x80 ? part.length : -part.length;
    }
  }
  const length = Math.hypot(...row, shortness);
  for (let i = 0; i < keyDim; i++) row[i]! /= length;
}

const queries = new Float32Array(questions.length * keyDim);
for (const [i, question] of questions.entries()) embed(question, queries, i * keyDim);

const scale = 40;
const best: { logit: number; text: string }[][] = questions.map(() => []);

/** Remembers the three documents that fit each question best: attention itself keeps their mean, but no list. */
function note(keys: Float32Array, row: number, text: string): void {
  questions.forEach((_, i) => {
    let dot = 0;
    for (let c = 0; c < keyDim; c++) dot += queries[i * keyDim + c]! * keys[row * keyDim + c]!;
    const top = best[i]!;
    if (top.length === 3 && scale * dot <= top[2]!.logit) return;
    top.push({ logit: scale * dot, text });
    top.sort((a, b) => b.logit - a.logit);
    top.length = Math.min(top.length, 3);
  });
}

const batchRows = 1000;

function* stream(): Generator<RecordBatch> {
  for (let from = 0; from < documents.length; from += batchRows) {
    const batch = documents.slice(from, from + batchRows);
    const k = new Float32Array(batch.length * keyDim);
    const v = new Float32Array(batch.length * names.length);
    batch.forEach(({ text, source }, row) => {
      embed(text, k, row * keyDim);
      v[row * names.length + source] = 1;
      note(k, row, text);
    });
    yield fromColumns({
      k: { type: f32(keyDim), values: k },
      v: { type: f32(names.length), values: v },
    });
  }
}

const search = crossAttention({ keyDim, valueDim: names.length, queries, scale });
const { finalState } = applyTo(stream(), search);
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
const passed = documents.length * keyDim * 4;
console.log(
  `${documents.length} documents, ${megabytes(passed)} MB of embeddings past a state of ` +
    `${megabytes(search.stateBytes)} MB: ${Math.floor(passed / search.stateBytes)} times as much`,
);

const shares = finalState.slot('o') as Float32Array;
const logSums = finalState.slot('m') as Float32Array;
questions.forEach((question, i) => {
  const from = names
    .map((name, source) => ({ name, share: shares[i * names.length + source]! }))
    .filter(({ share }) => share >= 0.01)
    .sort((a, b) => b.share - a.share);
  console.log(`\n${question}`);
  console.log(`  ${from.map(({ name, share }) => `${(100 * share).toFixed(0)} % ${name}`).join(', ')}`);
  for (const { logit, text } of best[i]!) {
    const weight = Math.exp(logit - logSums[i]!);
    console.log(`  ${weight.toFixed(3)}  ${text.slice(0, 90)}`);
  }
});
