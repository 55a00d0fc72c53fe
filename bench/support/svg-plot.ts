/**
 * A line plot as SVG text.
 */

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 860;
const HEIGHT = 420;
const MARGIN = { left: 60, right: 190, top: 40, bottom: 50 };
const COLOURS = ['#1b6ca8', '#c8553d', '#3a7d44', '#7b4b94', '#a67c00', '#444'];
const TICKS = 5;

const label = (x: number): string =>
  x >= 1e6 ? `${x / 1e6} M` : x >= 1e3 ? `${x / 1e3} k` : x.toPrecision(2);

/** The lines over common axes, which begin at 0. */
export function svgPlot(title: string, xName: string, yName: string, lines: readonly Line[]): string {
  const all = lines.flatMap(({ points }) => points);
  const xMost = Math.max(...all.map(([x]) => x));
  const yMost = Math.max(...all.map(([, y]) => y)) * 1.05;
  const across = (x: number) => MARGIN.left + (x / xMost) * (WIDTH - MARGIN.left - MARGIN.right);
  const down = (y: number) => HEIGHT - MARGIN.bottom - (y / yMost) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS);
  const grid = ticks.flatMap((part) => [
    `<line x1="${across(0)}" x2="${across(xMost)}" y1="${down(part * yMost)}" y2="${down(part * yMost)}" stroke="#ddd"/>`,
    `<text x="${across(0) - 8}" y="${down(part * yMost) + 4}" text-anchor="end">${label(part * yMost)}</text>`,
    `<text x="${across(part * xMost)}" y="${down(0) + 18}" text-anchor="middle">${label(part * xMost)}</text>`,
  ]);
  const drawn = lines.flatMap(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([x, y]) => `${across(x).toFixed(1)},${down(y).toFixed(1)}`).join(' ');
    const [, lastY] = points.at(-1)!;
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.6"/>`,
      `<text x="${across(xMost) + 8}" y="${down(lastY) + 4 + i}" fill="${colour}">${name}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="22" font-size="15">${title}</text>`,
    ...grid,
    ...drawn,
    `<text x="${across(xMost / 2)}" y="${HEIGHT - 10}" text-anchor="middle">${xName}</text>`,
    `<text x="${MARGIN.left}" y="${MARGIN.top - 4}" text-anchor="end">${yName}</text>`,
    '</svg>\n',
  ].join('\n');
}
