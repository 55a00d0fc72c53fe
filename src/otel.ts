/**
 * A flow's progress as OpenTelemetry metrics.
 */
import type { Attributes, Counter, Gauge, Histogram, Meter, MeterProvider } from '@opentelemetry/api';
import { optionalPeer } from './optional-peer.js';
import { checked } from './options.js';
import type { OnProgress, ProgressState, StepProgress } from './progress.js';

export interface OtelMetricsOptions {
  /** Where the instruments are made; by default the provider that the application has registered. */
  readonly meterProvider?: Pick<MeterProvider, 'getMeter'>;
  /** Attributes of every value, besides `flow` and `step`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * A listener for `onProgress` that keeps instruments of OpenTelemetry. All values have the attribute `flow`, those of a step
 * also `step`.
 *
 *   chunkwise.source.rows, .batches, .bytes, .skipped, .rejected      counters
 *   chunkwise.sink.bytes                                              counter
 *   chunkwise.step.rows (direction in or out), chunkwise.step.time    counters; seconds
 *   chunkwise.step.duration      histogram; seconds a batch takes in the step, the mean since progress was last told
 *   chunkwise.latency            histogram; seconds from a batch's arrival until the sink has it, the same way
 *   chunkwise.in_flight, chunkwise.step.in_flight, chunkwise.step.state, chunkwise.checkpoint.age, chunkwise.source.lag,
 *   chunkwise.source.behind      gauges; batches, bytes, seconds, seconds, rows
 *
 * What an earlier run had done is not counted again. PACKAGE_MISSING without `@opentelemetry/api`, unless a
 * `meterProvider` is given.
 */
export async function otelMetrics(options: OtelMetricsOptions = {}): Promise<OnProgress> {
  checked('otelMetrics', options, ['meterProvider', 'attributes'], () => ({}));
  const { meterProvider, attributes = {} } = options;
  const instruments = instrumentsOf((meterProvider ?? (await registered())).getMeter('chunkwise'));
  let before: ProgressState | undefined;
  return (state) => {
    const isNew =
      before === undefined ||
      before.flow !== state.flow ||
      state.seconds < before.seconds ||
      state.rows < before.rows;
    if (isNew) before = { ...state, steps: [] };
    tellFlow(instruments, { ...attributes, flow: state.flow }, state, before!);
    before = state;
  };
}

async function registered(): Promise<Pick<MeterProvider, 'getMeter'>> {
  const name = '@opentelemetry/api';
  const { metrics } = await optionalPeer('otelMetrics', name, () => import('@opentelemetry/api'));
  return metrics.getMeterProvider();
}

type Instruments = ReturnType<typeof instrumentsOf>;

function instrumentsOf(meter: Meter) {
  const counter = (name: string, unit: string, description: string): Counter =>
    meter.createCounter(`chunkwise.${name}`, { unit, description });
  const gauge = (name: string, unit: string, description: string): Gauge =>
    meter.createGauge(`chunkwise.${name}`, { unit, description });
  const histogram = (name: string, description: string): Histogram =>
    meter.createHistogram(`chunkwise.${name}`, { unit: 's', description });
  return {
    rows: counter('source.rows', '{row}', 'rows read'),
    batches: counter('source.batches', '{batch}', 'batches read'),
    bytesIn: counter('source.bytes', 'By', 'bytes of the batches read'),
    skipped: counter('source.skipped', '{row}', 'bad rows passed over'),
    rejected: counter('source.rejected', '{row}', 'bad rows sent to a sink of their own'),
    bytesOut: counter('sink.bytes', 'By', 'bytes written'),
    stepRows: counter('step.rows', '{row}', 'rows into and out of a step'),
    stepTime: counter('step.time', 's', 'time spent in a step'),
    stepDuration: histogram('step.duration', 'time a batch takes in a step'),
    latency: histogram('latency', 'time from a batch’s arrival until the sink has it'),
    inFlight: gauge('in_flight', '{batch}', 'source batches between source and sink'),
    stepInFlight: gauge('step.in_flight', '{batch}', 'source batches at an asynchronous step'),
    state: gauge('step.state', 'By', 'bytes of a step’s state'),
    checkpointAge: gauge('checkpoint.age', 's', 'time since the newest checkpoint'),
    lag: gauge('source.lag', 's', 'age of the newest row when it came'),
    behind: gauge('source.behind', '{row}', 'rows or messages that wait at the origin'),
  };
}

const COUNTED = ['rows', 'batches', 'bytesIn', 'skipped', 'rejected', 'bytesOut'] as const;

function tellFlow(
  instruments: Instruments,
  attributes: Attributes,
  state: ProgressState,
  before: ProgressState,
): void {
  for (const name of COUNTED) instruments[name].add(Math.max(0, state[name] - before[name]), attributes);
  instruments.inFlight.record(state.inFlight, attributes);
  if (state.latencySeconds !== undefined) instruments.latency.record(state.latencySeconds, attributes);
  if (state.checkpointAgeSeconds !== undefined)
    instruments.checkpointAge.record(state.checkpointAgeSeconds, attributes);
  if (state.lagMs !== undefined) instruments.lag.record(state.lagMs / 1000, attributes);
  if (state.behind !== undefined) instruments.behind.record(state.behind, attributes);
  state.steps.forEach((step, i) => {
    tellStep(instruments, { ...attributes, step: step.id }, step, before.steps[i]);
  });
}

function tellStep(
  instruments: Instruments,
  attributes: Attributes,
  step: StepProgress,
  before: StepProgress = { ...step, rowsIn: 0, rowsOut: 0, batchesIn: 0, batchesOut: 0, seconds: 0 },
): void {
  instruments.stepRows.add(step.rowsIn - before.rowsIn, { ...attributes, direction: 'in' });
  instruments.stepRows.add(step.rowsOut - before.rowsOut, { ...attributes, direction: 'out' });
  const seconds = step.seconds - before.seconds;
  instruments.stepTime.add(seconds, attributes);
  const batches = step.batchesIn - before.batchesIn;
  if (batches > 0) instruments.stepDuration.record(seconds / batches, attributes);
  instruments.stepInFlight.record(step.inFlight, attributes);
  instruments.state.record(step.stateBytes, attributes);
}
