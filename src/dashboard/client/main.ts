/**
 * The page: what the server sends goes to the numbers on top, to the cards of the steps, to the charts and to the table.
 */
import { bytes, count, duration } from '../../cli/format.js';
import type { ProgressState } from '../../progress.js';
import type { Events } from '../events.js';
import { Charts } from './charts.js';
import { FlowStrip } from './flow-strip.js';
import { type Rates, ratesBetween } from './rates.js';
import { Samples } from './samples.js';

const at = (id: string) => document.getElementById(id)!;

const samples = new Samples(at('samples-title'), at('samples'));
const charts = new Charts(at('charts'));
const strip = new FlowStrip(at('strip'), ({ step }) => samples.choose(step));
watch(new EventSource('/events'));

function watch(events: EventSource): void {
  let before: ProgressState | undefined;
  const on = <Name extends keyof Events>(name: Name, hear: (data: Events[Name]) => void) => {
    const listener = ({ data }: MessageEvent<string>) => hear(JSON.parse(data) as Events[Name]);
    events.addEventListener(name, listener as (event: Event) => void);
  };
  const begin = (states: readonly ProgressState[]) => {
    const steps = states[0]?.steps.map(({ id }) => id) ?? [];
    const all = states.slice(1).map((state, i) => ratesBetween(states[i]!, state));
    strip.begin(steps);
    charts.begin(steps, all);
    before = states.at(-1);
    if (before !== undefined) show(before, all.at(-1));
  };
  on('begin', (data) => {
    begin(data.states);
    samples.begin(data.samples);
    status('running', 'good');
  });
  on('state', (state) => {
    if (before === undefined || state.seconds < before.seconds) return begin([state]);
    const rates = ratesBetween(before, state);
    charts.add(rates);
    show(state, rates);
    before = state;
  });
  on('sample', (sample) => samples.add(sample));
  on('end', ({ state, how, isGood }) => {
    events.close();
    if (state !== undefined) show(state, undefined);
    status(how, isGood ? 'done' : 'bad');
  });
  events.addEventListener('error', () => status('connection lost', 'bad'));
}

function status(text: string, kind: string): void {
  at('status').textContent = text;
  at('status').className = `status ${kind}`;
}

function show(state: ProgressState, rates: Rates | undefined): void {
  at('flow').textContent = state.flow;
  document.title = `${state.flow} – Chunkwise`;
  const { fraction, latencySeconds, checkpointAgeSeconds, lagMs, behind, skipped, rejected } = state;
  const known = <T>(value: T | undefined, shown: (value: T) => string) =>
    value === undefined ? undefined : shown(value);
  tiles([
    ['rows', count(state.rows)],
    ['rows per second', count(rates?.rowsPerSecond ?? state.rows / Math.max(1e-3, state.seconds))],
    ['in', bytes(state.bytesIn)],
    ['out', state.bytesOut > 0 ? bytes(state.bytesOut) : undefined],
    ['read', known(fraction, (share) => `${(100 * share).toFixed(1)} %`)],
    ['time', duration(state.seconds)],
    ['latency', known(latencySeconds, duration)],
    ['batches in flight', String(state.inFlight)],
    [
      'last checkpoint',
      known(checkpointAgeSeconds, (age) => `${duration(Math.max(1, Math.round(age)))} ago`),
    ],
    ['lag', known(lagMs, (ms) => duration(ms / 1000))],
    ['rows behind', known(behind, count)],
    ['rows skipped', skipped > 0 ? count(skipped) : undefined],
    ['rows rejected', rejected > 0 ? count(rejected) : undefined],
  ]);
  strip.show(state, rates);
}

function tiles(all: readonly (readonly [string, string | undefined])[]): void {
  const shown = all.flatMap(([name, value]) => {
    if (value === undefined) return [];
    const tile = document.createElement('div');
    const [number, label] = [document.createElement('b'), document.createElement('span')];
    number.textContent = value;
    label.textContent = name;
    tile.append(number, label);
    return [tile];
  });
  at('tiles').replaceChildren(...shown);
}
