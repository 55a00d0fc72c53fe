/**
 * Numbers and tables as a terminal shows them.
 */

const scaled = (value: number, base: number, units: readonly string[]): string => {
  let power = 0;
  let rest = value;
  while (rest >= base && power < units.length - 1) {
    rest /= base;
    power++;
  }
  const digits = power === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
  return `${rest.toFixed(digits)}${units[power]}`;
};

/** 1234567 → 1.23 M */
export const count = (value: number): string => scaled(value, 1000, ['', ' k', ' M', ' G', ' T']);

/** 1234567 → 1.23 MB */
export const bytes = (value: number): string => scaled(value, 1000, [' B', ' kB', ' MB', ' GB', ' TB']);

/** 0.0123 → 12.3 ms */
export function duration(seconds: number): string {
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(1)} ms`;
  return seconds < 120 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(0)} min`;
}

/** Rows of cells in columns as wide as their widest cell; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => String(row[i] ?? '').length)),
  );
  const line = (row: readonly (string | number)[]) =>
    row
      .map((cell, i) =>
        typeof cell === 'number' ? String(cell).padStart(widths[i]!) : cell.padEnd(widths[i]!),
      )
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

/** Text without line breaks, as an error is told. */
export const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');
