/**
 * From which 8 airports can the routes of the last 4,000 flights be watched? An airport covers the routes that begin or end
 * there. Each flight that happens, and each that leaves the window, changes what two airports cover: they are inserted again
 * under the same id, or deleted when nothing is left. A route weighs the same however often it is flown.
 *
 * Prints:
 *   20000 flights, 2001-01-01 to 2001-03-31
 *   224 airports, 1598 routes, 70700 updates
 *   until 2001-01-09  DFW ORD ATL DTW MSP STL PIT PHX 440 routes (greedy anew 440)
 *   …
 *   until 2001-03-31  ORD DFW ATL DTW IAH MSP STL LAX 540 routes (greedy anew 543)
 *   3.3 oracle calls an update
 */
import { readFileSync } from 'node:fs';
import type { RecordBatch } from 'apache-arrow';
import { applyTo, coverage, dynamicSubmodular, fromColumns, greedy, i8, i32, key, list } from 'chunkwise';

interface Flight {
  readonly date: string;
  readonly origin: string;
  readonly destination: string;
}

const windowFlights = 4000;
const flights = JSON.parse(
  readFileSync('node_modules/vega-datasets/data/flights-20k.json', 'utf8'),
) as Flight[];
const day = ({ date }: Flight) => date.slice(0, 10).replaceAll('/', '-');

/** Routes by number, the same in both directions. */
const routes = new Map<string, number>();
function routeOf({ origin, destination }: Flight): number {
  const name = [origin, destination].sort().join('-');
  if (!routes.has(name)) routes.set(name, routes.size);
  return routes.get(name)!;
}

/** How often each airport's routes are flown in the window. */
const flown = new Map<string, Map<number, number>>();
function count(airport: string, route: number, by: 1 | -1): void {
  const own = flown.get(airport) ?? new Map<number, number>();
  const times = (own.get(route) ?? 0) + by;
  if (times > 0) own.set(route, times);
  else own.delete(route);
  flown.set(airport, own);
}

/** The updates that a flight makes, as rows: airports whose routes have changed, with all of them. */
const updates: { readonly airport: string; readonly items: number[] }[] = [];
const updatesAfter: number[] = [];
for (const [i, flight] of flights.entries()) {
  const touched = new Set<string>();
  for (const [one, by] of [
    [flight, 1],
    [flights[i - windowFlights], -1],
  ] as const) {
    if (one === undefined) continue;
    for (const airport of [one.origin, one.destination]) {
      count(airport, routeOf(one), by);
      touched.add(airport);
    }
  }
  for (const airport of touched) updates.push({ airport, items: [...flown.get(airport)!.keys()] });
  updatesAfter.push(updates.length);
}

function batchOf(from: number, to: number): RecordBatch {
  const rows = updates.slice(from, to);
  const offsets = new Int32Array(rows.length + 1);
  for (const [t, { items }] of rows.entries()) offsets[t + 1] = offsets[t]! + items.length;
  return fromColumns({
    op: { type: i8(), values: Int8Array.from(rows, ({ items }) => (items.length > 0 ? 1 : -1)) },
    id: { type: key(), values: rows.map(({ airport }) => airport) },
    items: {
      type: list(i32()),
      values: { offsets, values: Int32Array.from(rows.flatMap(({ items }) => items)) },
    },
  });
}

const everyFlights = 2000;
const ends = updatesAfter.filter((_, i) => (i + 1) % everyFlights === 0);
const batches = ends.map((end, i) => batchOf(ends[i - 1] ?? 0, end));
const options = { k: 8, objective: coverage({ maxItems: routes.size }), maxElements: 1000 };
const kept = applyTo(batches, dynamicSubmodular(options)).batches;
const anew = applyTo(batches, greedy(options)).batches;

console.log(`${flights.length} flights, ${day(flights[0]!)} to ${day(flights.at(-1)!)}`);
console.log(`${flown.size} airports, ${routes.size} routes, ${updates.length} updates\n`);
const read = (batch: RecordBatch, name: string) => batch.getChild(name)!.get(0);
for (const [i, batch] of kept.entries()) {
  const airports = Array.from(read(batch, 'selected') as Iterable<string>).join(' ');
  const until = day(flights[everyFlights * (i + 1) - 1]!);
  const covered = `${read(batch, 'value')} routes (greedy anew ${read(anew[i]!, 'value')})`;
  console.log(`until ${until}  ${airports.padEnd(32)}${covered}`);
}
const calls = kept.reduce((sum, batch) => sum + Number(read(batch, 'oracleCalls')), 0);
console.log(`\n${(calls / updates.length).toFixed(1)} oracle calls an update`);
