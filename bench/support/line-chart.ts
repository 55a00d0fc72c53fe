/**
 * Lines over logarithmic axes, as an SVG drawing.
 */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface ChartOptions {
  /** What the y axis counts, and where. */
  readonly title: string;
  readonly x: string;
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [720, 420, 70, 50, 40, 190];
const COLORS = ['#1b6ca8', '#d1495b', '#2e8b57', '#8e5ea2', '#e09f3e', '#444444', '#17a2b8'];

const text = (x: number, y: number, content: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="12" font-family="sans-serif" ${more}>${content}</text>`;

const decades = (values: readonly number[]): readonly [number, number] => {
  const logs = values.map(Math.log10);
  const [low, high] = [Math.floor(Math.min(...logs) + 1e-9), Math.ceil(Math.max(...logs) - 1e-9)];
  return [low, Math.max(high, low + 1)];
};

/** All values must be above 0. */
export function lineChart({ title, x }: ChartOptions, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points);
  const [xLow, xHigh] = decades(all.map(([px]) => px));
  const [yLow, yHigh] = decades(all.map(([, py]) => py));
  const toX = (value: number) =>
    LEFT + ((Math.log10(value) - xLow) / (xHigh - xLow)) * (WIDTH - LEFT - RIGHT);
  const toY = (value: number) =>
    HEIGHT - BOTTOM - ((Math.log10(value) - yLow) / (yHigh - yLow)) * (HEIGHT - BOTTOM - TOP);
  const grid: string[] = [];
  for (let d = xLow; d <= xHigh; d++) {
    const at = toX(10 ** d);
    grid.push(`<path d="M${at} ${TOP}V${HEIGHT - BOTTOM}" stroke="#ddd"/>`);
    grid.push(text(at, HEIGHT - BOTTOM + 18, (10 ** d).toLocaleString('en'), 'text-anchor="middle"'));
  }
  for (let d = yLow; d <= yHigh; d++) {
    const at = toY(10 ** d);
    grid.push(`<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ddd"/>`);
    grid.push(text(LEFT - 6, at + 4, `${Number((10 ** d).toPrecision(1))}`, 'text-anchor="end"'));
  }
  const lines = series.flatMap(({ name, points }, i) => {
    const color = COLORS[i % COLORS.length]!;
    const path = points.map(
      ([px, py], at) => `${at === 0 ? 'M' : 'L'}${toX(px).toFixed(1)} ${toY(py).toFixed(1)}`,
    );
    const dots = points.map(
      ([px, py]) => `<circle cx="${toX(px).toFixed(1)}" cy="${toY(py).toFixed(1)}" r="3" fill="${color}"/>`,
    );
    const label = text(WIDTH - RIGHT + 12, TOP + 12 + 18 * i, name, `fill="${color}"`);
    return [`<path d="${path.join('')}" fill="none" stroke="${color}" stroke-width="2"/>`, ...dots, label];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(LEFT, 22, title, 'font-weight="bold"'),
    text(LEFT, HEIGHT - 12, x),
    ...grid,
    ...lines,
    '</svg>\n',
  ].join('\n');
}
