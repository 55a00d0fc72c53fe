/**
 * The charts: throughput, latency, time spent in steps, and their states, over the time of the run.
 */
import uPlot from 'uplot';
import { bytes, count, duration } from '../../cli/format.js';
import type { Rates } from './rates.js';

interface Kind {
  readonly title: string;
  readonly show: (value: number) => string;
  /** What its lines are called, and what they show. */
  readonly lines: (steps: readonly string[]) => readonly string[];
  readonly values: (rates: Rates) => readonly (number | null)[];
}

const KINDS: readonly Kind[] = [
  {
    title: 'Rows per second',
    show: count,
    lines: (steps) => ['source', ...steps],
    values: ({ rowsPerSecond, steps }) => [rowsPerSecond, ...steps.map((step) => step.rowsPerSecond)],
  },
  {
    title: 'Latency, from arrival to the sink',
    show: duration,
    lines: () => ['a batch'],
    values: ({ latencySeconds }) => [latencySeconds],
  },
  {
    title: 'Time spent in each step',
    show: (share) => `${(100 * share).toFixed(0)} %`,
    lines: (steps) => steps,
    values: ({ steps }) => steps.map(({ busy }) => busy),
  },
  {
    title: 'State of each step',
    show: bytes,
    lines: (steps) => steps,
    values: ({ steps }) => steps.map(({ stateBytes }) => stateBytes),
  },
];

const HEIGHT = 190;
/** Of a card, left and right. */
const PADDING = 28;

export class Charts {
  readonly #place: HTMLElement;
  #steps: readonly string[] = [];
  #rates: Rates[] = [];
  #plots: uPlot[] = [];
  #isStale = false;

  constructor(place: HTMLElement) {
    this.#place = place;
    new ResizeObserver(() => this.#draw()).observe(place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
  }

  /** Begins anew with what there is so far. */
  begin(steps: readonly string[], rates: readonly Rates[]): void {
    this.#steps = steps;
    this.#rates = [...rates];
    this.#draw();
  }

  add(rates: Rates): void {
    this.#rates.push(rates);
    if (this.#isStale) return;
    this.#isStale = true;
    requestAnimationFrame(() => {
      this.#isStale = false;
      for (const [i, plot] of this.#plots.entries()) plot.setData(this.#data(KINDS[i]!));
    });
  }

  #draw(): void {
    for (const plot of this.#plots) plot.destroy();
    this.#place.replaceChildren();
    const cards = KINDS.map(({ title }) => cardOf(title));
    this.#place.append(...cards);
    this.#plots = KINDS.map((kind, i) => {
      const card = cards[i]!;
      return new uPlot(this.#options(kind, card.clientWidth - PADDING), this.#data(kind), card);
    });
  }

  #data(kind: Kind): uPlot.AlignedData {
    const lines = kind
      .lines(this.#steps)
      .map((_, i) => this.#rates.map((rates) => kind.values(rates)[i] ?? null));
    return [this.#rates.map(({ at }) => at), ...lines];
  }

  #options(kind: Kind, width: number): uPlot.Options {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--faint'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    const lines = kind.lines(this.#steps);
    return {
      width,
      height: HEIGHT,
      scales: { x: { time: false }, y: { range: (_, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      legend: { live: true },
      cursor: { points: { size: 6 }, y: false },
      axes: [
        { ...axis, values: (_, seconds) => seconds.map((second) => `${second} s`), space: 70, size: 30 },
        { ...axis, values: (_, values) => values.map(kind.show), size: 66, space: 36 },
      ],
      series: [
        { label: 'at', value: (_, second) => (second === null ? '' : `${second.toFixed(1)} s`) },
        ...lines.map((label, i) => ({
          label,
          stroke: colour(`--line-${i % 6}`),
          width: 1.75,
          spanGaps: true,
          points: { show: false },
          value: (_: uPlot, value: number | null) => (value === null ? '–' : kind.show(value)),
        })),
      ],
    };
  }
}

function cardOf(title: string): HTMLElement {
  const card = document.createElement('section');
  card.className = 'card chart';
  const heading = document.createElement('h2');
  heading.textContent = title;
  card.append(heading);
  return card;
}
