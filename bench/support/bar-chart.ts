/**
 * Groups of horizontal bars: as SVG, and as lines of text.
 */

export interface Group {
  readonly name: string;
  readonly bars: readonly { readonly name: string; readonly value: number; readonly isOurs: boolean }[];
}

const ROW = 18;
const LEFT = 150;
const RIGHT = 90;
const WIDTH = 900;

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const largest = ({ bars }: Group) => Math.max(...bars.map(({ value }) => value));

/** Each group has its own scale, from 0. */
export function svgBars(title: string, groups: readonly Group[], shown: (value: number) => string): string {
  const parts: string[] = [];
  let y = 2 * ROW;
  const text = (x: number, label: string, style = '') =>
    parts.push(`<text x="${x}" y="${y + 13}" ${style}>${escaped(label)}</text>`);
  for (const group of groups) {
    text(10, group.name, 'font-weight="bold"');
    y += ROW;
    for (const { name, value, isOurs } of group.bars) {
      const width = ((WIDTH - LEFT - RIGHT) * value) / largest(group);
      text(10, name);
      const color = isOurs ? '#2166ac' : '#bbbbbb';
      parts.push(
        `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW - 5}" fill="${color}"/>`,
      );
      text(LEFT + width + 6, shown(value));
      y += ROW;
    }
    y += ROW / 2;
  }
  const frame = `width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="12"`;
  const heading = `<text x="10" y="22" font-size="14">${escaped(title)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${frame}>\n<rect width="100%" height="100%" fill="white"/>\n${heading}\n${parts.join('\n')}\n</svg>\n`;
}

const COLUMNS = 50;

export function textBars(groups: readonly Group[], shown: (value: number) => string): string {
  const width = Math.max(...groups.flatMap(({ bars }) => bars.map(({ name }) => name.length)));
  return groups
    .map((group) =>
      [
        group.name,
        ...group.bars.map(({ name, value, isOurs }) => {
          const length = Math.max(1, Math.round((COLUMNS * value) / largest(group)));
          return `  ${name.padEnd(width)} ${(isOurs ? '█' : '░').repeat(length)} ${shown(value)}`;
        }),
      ].join('\n'),
    )
    .join('\n');
}
