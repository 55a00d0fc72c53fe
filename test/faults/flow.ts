/**
 * The flow that the crash tests kill, as a process of its own: an Arrow file through a keyed and a plain recurrent step
 * into a file, with checkpoints.
 *
 *   flow.js SINK DIRECTORY   reads DIRECTORY/input.arrow, writes DIRECTORY/output, keeps DIRECTORY/checkpoints
 *
 * It says `running` once it runs and `done` with its report at the end. CRASH=POINT@BATCH kills it at the fault point
 * when it comes there for the first time behind that batch.
 */
import { lightningAttention } from '../../operators/index.js';
import { arrowFileSink, csvSink, jsonLinesSink } from '../../sinks/index.js';
import { arrowFile } from '../../sources/index.js';
import { dataflow } from '../../src/dataflow.js';
import { directoryStore } from '../../src/directory-store.js';
import { perKey } from '../../src/per-key.js';
import { rebatch } from '../../src/rebatch.js';
import type { Position, Source } from '../../src/source.js';

const sinks = { arrowFileSink, csvSink, jsonLinesSink };
const [kind, directory] = process.argv.slice(2) as [keyof typeof sinks, string];
const [point, crashBatch] = process.env.CRASH?.split('@') ?? [];

/** Lets the crash come once the source has got far enough. */
function arm(position: Position | undefined): void {
  const { batch } = (position ?? { batch: 0 }) as { batch: number };
  if (point !== undefined && batch > Number(crashBatch)) process.env.CHUNKWISE_CRASH_AT = point;
}

/** The input, so slowly that there is time to be killed in. */
function throttled(source: Source): Source {
  return {
    name: source.name,
    async *read(from, signal) {
      arm(from);
      for await (const sourced of source.read(from, signal)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        arm(sourced.next);
        yield sourced;
      }
    },
  };
}

const sizes = { heads: 2, keyDim: 4, valueDim: 4 };
process.stdout.write('running\n');
const report = await dataflow('crash')
  .from(throttled(arrowFile(`${directory}/input.arrow`)))
  .pipe(rebatch({ rows: 37 }))
  .step('keyed', perKey('key', lightningAttention({ ...sizes, columns: { o: 'keyed' } }), { maxKeys: 8 }))
  .step('plain', lightningAttention(sizes))
  .to(sinks[kind](`${directory}/output`))
  .run({ checkpoint: { store: directoryStore(`${directory}/checkpoints`), everyBatches: 8 } });
process.stdout.write(`done ${JSON.stringify(report)}\n`);
