/**
 * Features of a time series, step by step: four years of Seattle's weather as weeks, each standardised by the weeks so far, and
 * for each what attention recalls of the weeks before it that were most like it.
 *
 * Prints:
 *   1454 days as 209 weeks; 7 stormy days went to the side
 *   week of        rain  warmest  wind     standardised           what attention recalls
 *   2012-01-01   5.11  12.80   3.83     0.00   0.00   0.00     0.00   0.00   0.00
 *   2012-01-08   1.34  10.00   3.20     0.00   0.00   0.00     0.00   0.00   0.00
 *   2012-12-16   9.65   8.30   4.25     1.66  -1.53   1.17     2.08  -0.87   0.80
 *   2013-12-01   0.77   7.80   3.52    -0.63  -1.58   0.40    -0.15  -0.73  -0.11
 *   2014-11-16   2.76  11.10   2.91    -0.05  -1.18  -0.38    -0.04  -0.47  -0.21
 *   2015-11-01   5.90  15.60   2.91     0.93  -0.65  -0.37     0.48  -0.27  -0.04
 */
import {
  cast,
  causalAttention,
  collect,
  csvFile,
  dataflow,
  divert,
  eventTimeWindow,
  filter,
  select,
  stack,
  standardize,
} from 'chunkwise';

const features = ['rain', 'warmest', 'wind'];
const [stormy, weeks] = [collect(), collect()];

await dataflow('features')
  .from(csvFile('node_modules/vega-datasets/data/seattle-weather.csv', { batchRows: 500 }))
  .pipe(
    cast({ columns: { date: 'timestamp[ms, UTC]', weather: 'dictionary' } }),
    filter({ where: { column: 'temp_max', isNull: false } }),
    divert({ where: { column: 'wind', op: '>', value: 8 }, to: stormy }),
    eventTimeWindow({
      time: 'date',
      windowMs: 7 * 86_400_000,
      offsetMs: 3 * 86_400_000, // weeks begin on a Sunday: 1970 began on a Thursday
      aggregates: {
        days: 'count',
        rain: { mean: 'precipitation' },
        warmest: { max: 'temp_max' },
        wind: { mean: 'wind' },
      },
    }),
    filter({ where: { column: 'days', op: '>=', value: 4 } }),
  )
  .step('standardize', standardize({ of: features, warmupRows: 4 }))
  .pipe(stack({ columns: features.map((name) => `${name}_z`), as: 'x' }))
  .step(
    'recall',
    causalAttention({
      keyDim: 3,
      valueDim: 3,
      windowRows: 52,
      columns: { q: 'x', k: 'x', v: 'x', o: 'recalled' },
    }),
  )
  .pipe(select({ columns: ['window_start', 'days', ...features, 'x', 'recalled'] }))
  .to(weeks)
  .run();

const table = weeks.table();
const sum = (name: string) => Array.from(table.getChild(name)!, Number).reduce((a, b) => a + b, 0);
console.log(
  `${sum('days')} days as ${table.numRows} weeks; ${stormy.table().numRows} stormy days went to the side`,
);

const shown = (values: Iterable<number>) =>
  Array.from(values, (value) => value.toFixed(2).padStart(7)).join('');
console.log('\nweek of        rain  warmest  wind     standardised           what attention recalls');
for (const week of [0, 1, 50, 100, 150, 200]) {
  const row = table.get(week)!;
  const day = new Date(row.window_start).toISOString().slice(0, 10);
  console.log(`${day}${shown(features.map((name) => row[name]))}  ${shown(row.x)}  ${shown(row.recalled)}`);
}
