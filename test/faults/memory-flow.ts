/**
 * The flow whose memory is measured, as a process of its own: two gigabytes of batches, made as they are asked for, into
 * a sink that takes its time. It prints what it saw as one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { Field, Schema } from 'apache-arrow';
import { arrowType, columnData, newBatch } from '../../src/columns.js';
import { dataflow } from '../../src/dataflow.js';
import { f32 } from '../../src/layout.js';
import { rebatch } from '../../src/rebatch.js';
import { stateless } from '../../src/stateless.js';

const ROWS = 4096;
const WIDTH = 64;
const BATCHES = 2048;
const credit = Number(process.argv[2]);

const type = f32(WIDTH);
const schema = new Schema([new Field('v', arrowType(type), false)]);
let given = 0;
let taken = 0;
let inFlightMax = 0;
let rssMax = 0;

const source = {
  name: 'generated',
  async *read() {
    for (let i = 0; i < BATCHES; i++) {
      given++;
      inFlightMax = Math.max(inFlightMax, given - taken);
      const values = new Float32Array(ROWS * WIDTH).fill(i);
      yield { batch: newBatch(schema, ROWS, [columnData(type, values, ROWS)]), next: i + 1 };
    }
  },
};

const sink = {
  name: 'slow',
  open: () => ({
    bytes: 0,
    async write() {
      await new Promise((resolve) => setTimeout(resolve, 2));
      taken++;
      rssMax = Math.max(rssMax, process.memoryUsage.rss());
    },
    position: () => taken,
    finish() {},
    abandon() {},
  }),
};

const { bytesIn, rows } = await dataflow('memory')
  .from(source)
  .pipe(
    rebatch({ rows: ROWS }),
    stateless((batch) => batch),
  )
  .to(sink)
  .run({ credit });

/** The most that was ever resident, as the system counts it; where it does not say, what we have sampled. */
function highWaterBytes(): number {
  try {
    const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return Number(kibibytes) * 1024;
  } catch {
    return rssMax;
  }
}

process.stdout.write(
  `${JSON.stringify({ bytesIn, rows, inFlightMax, rssMax, highWater: highWaterBytes() })}\n`,
);
