/**
 * The flow from PostgreSQL to PostgreSQL that the crash tests kill, as a process of its own.
 *
 *   postgres-flow.js URL SCHEMA OUTPUT DIRECTORY   reads SCHEMA.input, writes SCHEMA.OUTPUT, keeps DIRECTORY
 *
 * It says `running` once it runs and `done` with its report at the end. CRASH=POINT@BATCH kills it at the fault point when
 * it comes there for the first time behind that batch; COMMIT_ROWS says how many rows the sink lets wait.
 */
import { lightningAttention } from '../../operators/index.js';
import { postgresSink } from '../../sinks/index.js';
import { postgres } from '../../sources/index.js';
import { dataflow } from '../../src/dataflow.js';
import { directoryStore } from '../../src/directory-store.js';
import { perKey } from '../../src/per-key.js';
import { rebatch } from '../../src/rebatch.js';
import type { Source } from '../../src/source.js';

const [connection, schema, output, directory] = process.argv.slice(2) as [string, string, string, string];
const [point, crashBatch] = process.env.CRASH?.split('@') ?? [];
let batches = 0;

/** The input, so slowly that there is time to be killed in; lets the crash come once it has got far enough. */
function throttled(source: Source): Source {
  return {
    ...source,
    async *read(from, signal) {
      for await (const sourced of source.read(from, signal)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (point !== undefined && ++batches > Number(crashBatch)) process.env.CHUNKWISE_CRASH_AT = point;
        yield sourced;
      }
    },
  };
}

const schemaOption = { q: 'float32[8]', k: 'float32[8]', v: 'float32[8]' } as const;
process.stdout.write('running\n');
const report = await dataflow('crash')
  .from(
    throttled(
      postgres({ table: [schema, 'input'] }, { key: 'id', connection, batchRows: 23, schema: schemaOption }),
    ),
  )
  .pipe(rebatch({ rows: 37 }))
  .step('memory', perKey('key', lightningAttention({ heads: 2, keyDim: 4, valueDim: 4 }), { maxKeys: 8 }))
  .to(
    postgresSink({
      table: [schema, output],
      create: true,
      commitRows: Number(process.env.COMMIT_ROWS ?? 1),
      connection,
    }),
  )
  .run({ checkpoint: { store: directoryStore(directory), everyBatches: 8 } });
process.stdout.write(`done ${JSON.stringify(report)}\n`);
