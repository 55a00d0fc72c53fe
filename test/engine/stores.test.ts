import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type CheckpointStore, memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import { directoryStore } from '../../src/directory-store.js';
import { Counting, failure, Recording, runningSum, sumsUpTo, thrown } from './helpers.js';

const root = mkdtempSync(join(tmpdir(), 'chunkwise-'));
afterAll(() => rmSync(root, { recursive: true }));
const at = (name: string) => join(root, name);

/** A run that is killed behind its `checkpoints`th checkpoint, one a batch; `go` resumes it. */
async function interrupted(store: CheckpointStore, checkpoints: number) {
  const sink = new Recording({
    column: 'sum',
    write: (i) => {
      if (i === checkpoints) throw new Error('killed');
    },
  });
  const flow = dataflow('flow').from(new Counting(9)).step('sum', runningSum({})).to(sink);
  await failure(flow.run({ checkpoint: { store, everyBatches: 1 } }), 'SINK_FAILED');
  const warnings: string[] = [];
  const go = () =>
    flow.run({ checkpoint: { store, everyBatches: 1 }, onWarning: (text) => warnings.push(text) });
  return { sink, warnings, go };
}

describe.each([
  ['memoryStore', (_: string, keep?: number) => memoryStore({ ...(keep && { keep }) })],
  ['directoryStore', (name: string, keep?: number) => directoryStore(at(name), { ...(keep && { keep }) })],
] as const)('%s', (kind, make) => {
  it('keeps the newest three, or as many as asked', async () => {
    const three = make('three');
    await interrupted(three, 6);
    expect((await three.list()).sort()).toEqual([4, 5, 6]);
    const one = make('one', 1);
    await interrupted(one, 6);
    expect(await one.list()).toEqual([6]);
  });

  it('gives back the bytes it was given, and not those that the caller changes afterwards', async () => {
    const store = make('bytes');
    const bytes = Uint8Array.of(1, 2, 3);
    await store.write(7, bytes);
    bytes.fill(9);
    expect([...(await store.read(7))]).toEqual([1, 2, 3]);
    await store.clear();
    expect(await store.list()).toEqual([]);
  });

  it('passes over torn and damaged newest checkpoints with a warning that names each', async () => {
    const store = make('damaged', 5);
    const { sink, warnings, go } = await interrupted(store, 5);
    const newest = await store.read(5);
    await store.write(5, newest.subarray(0, newest.length / 2));
    const before = Uint8Array.from(await store.read(4));
    before[before.length - 9]! ^= 4;
    await store.write(4, before);
    expect(await go()).toMatchObject({ resumedAt: 3, complete: true });
    expect(sink.values).toEqual(sumsUpTo(36));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(new RegExp(`^flow: checkpoint 5 of ${kind}.*skipped.*bytes`));
    expect(warnings[1]).toMatch(new RegExp(`^flow: checkpoint 4 of ${kind}.*skipped.*checksum`));
    expect(Math.max(...(await store.list()))).toBe(5 + 6 + 1);
  });

  it('passes over a newest checkpoint with any bit changed', async () => {
    const store = make('bits');
    const { sink, warnings, go } = await interrupted(store, 2);
    const [first, newest] = [await store.read(1), await store.read(2)];
    const step = kind === 'memoryStore' ? 1 : 17;
    for (let i = 0; i < newest.length; i += step) {
      const damaged = Uint8Array.from(newest);
      damaged[i]! ^= 1 << (i % 8);
      await store.clear();
      await store.write(1, first);
      await store.write(2, damaged);
      warnings.length = 0;
      expect(await go(), `byte ${i}`).toMatchObject({ resumedAt: 1 });
      expect(warnings).toHaveLength(1);
      expect(sink.values).toEqual(sumsUpTo(36));
    }
  });

  it('refuses to start afresh where all checkpoints are damaged', async () => {
    const store = make('all');
    const { sink, go } = await interrupted(store, 3);
    for (const sequence of await store.list()) await store.write(sequence, new Uint8Array(100));
    const opened = sink.opened.length;
    const error = await failure(go(), 'CHECKPOINT_CORRUPT');
    expect(error.message).toMatch(/expected 'CHUNKWSE', got/);
    expect(sink.opened.length).toBe(opened);
  });

  it('refuses options that mean nothing', () => {
    expect(thrown(() => make('no', -1)).message).toMatch(new RegExp(`^${kind}: option keep`));
  });
});

describe('a checkpoint file', () => {
  it('cut at every byte is CHECKPOINT_CORRUPT, and nothing is overwritten', async () => {
    const store = directoryStore(at('cut'), { keep: 1 });
    const { sink, go } = await interrupted(store, 2);
    const [name] = readdirSync(at('cut'));
    const path = join(at('cut'), name!);
    const whole = readFileSync(path);
    const values = [...sink.values];
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      await failure(go(), 'CHECKPOINT_CORRUPT');
      expect(readFileSync(path).length).toBe(length);
    }
    expect(readdirSync(at('cut'))).toEqual([name]);
    expect([sink.values, sink.opened.length]).toEqual([values, 1]);
    writeFileSync(path, whole);
    expect(await go()).toMatchObject({ resumedAt: 2, complete: true });
  });

  it('that was not renamed yet is not read', async () => {
    const store = directoryStore(at('renamed'));
    const { go } = await interrupted(store, 2);
    const torn = join(at('renamed'), 'checkpoint-0000000003.bin.tmp');
    writeFileSync(torn, 'torn');
    expect(await go()).toMatchObject({ resumedAt: 2 });
    expect(existsSync(torn)).toBe(false);
  });

  it('goes with its directory: a copy elsewhere resumes', async () => {
    const { sink, go } = await interrupted(directoryStore(at('here')), 4);
    cpSync(at('here'), at('there'), { recursive: true });
    const flow = dataflow('flow').from(new Counting(9)).step('sum', runningSum({})).to(sink);
    expect(await flow.run({ checkpoint: { store: directoryStore(at('there')) } })).toMatchObject({
      resumedAt: 4,
    });
    expect(await go()).toMatchObject({ resumedAt: 4 });
    expect(sink.values).toEqual(sumsUpTo(36));
  });

  it('in a place that cannot be written or listed is an error of ours', async () => {
    writeFileSync(at('file'), '');
    const flow = dataflow('flow').from(new Counting(9)).to(new Recording());
    const inFile = directoryStore(join(at('file'), 'below'));
    const error = await failure(flow.run({ checkpoint: { store: inFile } }), 'SINK_FAILED');
    expect(error.message).toContain(at('file'));
    expect(thrown(() => directoryStore('')).code).toBe('OPTION_RANGE');
  });
});

describe('a spill file', () => {
  it.each([
    ['in memory', () => memoryStore()],
    ['of a directory', () => directoryStore(at('spill'))],
  ])('%s appends, reads back and is cut', (_, make) => {
    const spill = make().spill('step / one');
    expect(spill.append(Uint8Array.of(1, 2, 3))).toBe(0);
    expect(spill.append(new Uint8Array(5000).fill(7))).toBe(3);
    expect([...spill.read(1, 3)]).toEqual([2, 3, 7]);
    spill.sync();
    spill.truncate(2);
    expect(spill.byteLength).toBe(2);
    expect(spill.append(Uint8Array.of(9))).toBe(2);
    expect([...spill.read(0, 3)]).toEqual([1, 2, 9]);
    spill.close();
  });
});

describe('directoryStore, used twice', () => {
  const flowIn = (store: CheckpointStore) => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const sink = new Recording({ column: 'sum', write: () => held });
    const flow = dataflow('flow').from(new Counting(9)).step('sum', runningSum({})).to(sink);
    const run = () => flow.run({ checkpoint: { store, everyBatches: 1 } });
    return { run, release };
  };

  it('refuses a second run while one goes on, in this process or another', async () => {
    const path = at('twice');
    const first = flowIn(directoryStore(path));
    const running = first.run();
    const second = flowIn(directoryStore(path));
    second.release();
    const error = await failure(second.run(), 'OPTION_RANGE');
    expect(error.message).toContain(`used by process ${process.pid}`);
    first.release();
    await running;
    if (!existsSync('/proc/self/stat')) return;
    const parent = `${process.ppid} ${readFileSync(`/proc/${process.ppid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]}`;
    writeFileSync(join(path, 'in-use'), parent);
    expect((await failure(flowIn(directoryStore(path)).run(), 'OPTION_RANGE')).message).toContain(
      `${process.ppid}`,
    );
  });

  it('is taken over where a process that is gone, or whose number another one has now, left its mark', async () => {
    for (const mark of ['999999999 1', `${process.ppid} 1`, `${process.pid} 1`, 'nonsense']) {
      const path = at('left');
      const store = directoryStore(path);
      await store.clear();
      await interrupted(store, 2);
      expect(existsSync(join(path, 'in-use'))).toBe(false);
      writeFileSync(join(path, 'in-use'), mark);
      const flow = dataflow('flow').from(new Counting(9)).step('sum', runningSum({})).to(new Recording());
      await flow.run({ checkpoint: { store, everyBatches: 1, restart: true } });
    }
  });
});
