/**
 * What a bench found: printed as aligned tables, kept as JSON.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

export type Row = Readonly<Record<string, string | number>>;

export interface Result {
  readonly title: string;
  readonly rows: readonly Row[];
  /** The same as a drawing, for the terminal. */
  readonly plot?: string;
}

/** Rows as text in columns; numbers are right-aligned. */
export function asTable(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const isNumber = names.map((name) => rows.every((row) => typeof row[name] === 'number'));
  const lines = [names, ...rows.map((row) => names.map((name) => shown(row[name]!)))];
  const widths = names.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) => line.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))))
    .map((line) => line.join('  ').trimEnd())
    .join('\n');
}

const shown = (cell: string | number): string =>
  typeof cell === 'string' || Number.isInteger(cell) ? `${cell}` : cell.toPrecision(3);

export function print({ title, rows, plot }: Result): void {
  console.log(`\n${title}\n\n${asTable(rows)}${plot === undefined ? '' : `\n\n${plot}`}`);
}

/** Keeps the results of one bench as `bench/results/<name>.json`, with the machine they were measured on. */
export function keep(name: string, results: readonly Result[]): void {
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model ?? 'unknown', cores: cpus().length, node: process.version };
  const directory = fileURLToPath(new URL('../results/', import.meta.url));
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    `${directory}${name}.json`,
    `${JSON.stringify({ machine, results: results.map(({ title, rows }) => ({ title, rows })) }, null, 2)}\n`,
  );
}
