import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { otelMetrics } from '../../src/otel.js';
import { rebatch } from '../../src/rebatch.js';
import { Counting, failure, Recording, runningSum, thrown } from './helpers.js';

/** A provider whose metrics can be read. */
function provider() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  /** Every value by `name{attributes}`; of a histogram its count and sum. */
  const read = async () => {
    exporter.reset();
    await meterProvider.forceFlush();
    const values = new Map<string, number | { count: number; sum?: number }>();
    for (const { scopeMetrics } of exporter.getMetrics())
      for (const { metrics: all } of scopeMetrics)
        for (const { descriptor, dataPoints } of all)
          for (const { attributes, value } of dataPoints) {
            values.set(`${descriptor.name}${JSON.stringify(attributes)}`, value as never);
          }
    return values;
  };
  return { meterProvider, read };
}

afterEach(() => metrics.disable());

describe('otelMetrics', () => {
  const flowOf = (source: Counting) =>
    dataflow('flow')
      .from(source)
      .step('cut', rebatch({ rows: 8 }))
      .step('sum', runningSum({}))
      .to(new Recording({ column: 'sum' }));

  it('counts rows and batches, and records times and states of each step', async () => {
    const { meterProvider, read } = provider();
    const onProgress = await otelMetrics({ meterProvider, attributes: { site: 'a' } });
    await flowOf(new Counting(10)).run({ onProgress, progressMs: 0, checkpoint: { store: memoryStore() } });
    const values = await read();
    const flow = '{"site":"a","flow":"flow"}';
    expect(values.get(`chunkwise.source.rows${flow}`)).toBe(40);
    expect(values.get(`chunkwise.source.batches${flow}`)).toBe(10);
    expect(values.get(`chunkwise.source.bytes${flow}`)).toBe(320);
    expect(values.get(`chunkwise.in_flight${flow}`)).toBe(0);
    expect(values.get(`chunkwise.checkpoint.age${flow}`)).toBeGreaterThanOrEqual(0);
    expect(values.get(`chunkwise.latency${flow}`)).toMatchObject({ count: expect.any(Number) as number });
    const step = (name: string, direction = '') =>
      `{"site":"a","flow":"flow","step":"${name}"${direction && `,"direction":"${direction}"`}}`;
    expect(values.get(`chunkwise.step.rows${step('cut', 'in')}`)).toBe(40);
    expect(values.get(`chunkwise.step.rows${step('sum', 'out')}`)).toBe(40);
    expect(values.get(`chunkwise.step.state${step('sum')}`)).toBeGreaterThan(0);
    const duration = values.get(`chunkwise.step.duration${step('sum')}`) as { count: number; sum: number };
    expect(duration.count).toBeGreaterThan(0);
    expect(duration.sum).toBeGreaterThan(0);
  });

  it('does not count again what an earlier run had done', async () => {
    const { meterProvider, read } = provider();
    const onProgress = await otelMetrics({ meterProvider });
    const store = memoryStore();
    let mayFail = true;
    const source = new Counting(10, {
      before: (i) => {
        if (mayFail && i === 7) throw new Error('killed');
      },
    });
    const flow = flowOf(source);
    await failure(flow.run({ checkpoint: { store, everyBatches: 2 } }), 'SOURCE_FAILED');
    mayFail = false;
    const { resumedAt } = await flow.run({ checkpoint: { store }, onProgress });
    expect((await read()).get('chunkwise.source.batches{"flow":"flow"}')).toBe(10 - resumedAt!);
    await flow.run({ onProgress });
    expect((await read()).get('chunkwise.source.batches{"flow":"flow"}')).toBe(20 - resumedAt!);
  });

  it('uses the provider that the application has registered', async () => {
    const { meterProvider, read } = provider();
    metrics.setGlobalMeterProvider(meterProvider);
    await flowOf(new Counting(3)).run({ onProgress: await otelMetrics() });
    expect((await read()).get('chunkwise.source.rows{"flow":"flow"}')).toBe(12);
  });

  it('refuses options that nobody reads', async () => {
    const error = await otelMetrics({ meter: 1 } as never).catch((error: unknown) => error);
    expect(
      thrown(() => {
        throw error;
      }).code,
    ).toBe('OPTION_RANGE');
  });
});
