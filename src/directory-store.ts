/**
 * Keeps checkpoints as files of a directory: written to a temporary file, synced, renamed, the directory synced.
 */

import {
  type CheckpointStore,
  checkStoreOptions,
  type SpillFile,
  type StoreOptions,
} from './checkpoint-store.js';
import { lockDirectory } from './directory-lock.js';
import { optionRange, reason, sinkFailed, sourceFailed } from './errors.js';
import { reached } from './fault-points.js';

const NAME = /^checkpoint-(\d{10})\.bin$/;
const nameOf = (sequence: number) => `checkpoint-${String(sequence).padStart(10, '0')}.bin`;

/** A store in the directory `path`, which is made when first used. A second run in it is refused while one goes on. */
export function directoryStore(path: string, options: StoreOptions = {}): CheckpointStore {
  if (typeof path !== 'string' || path === '')
    throw optionRange('directoryStore', 'path', 'a directory', path);
  const { keep } = checkStoreOptions('directoryStore', options);
  const files = () => import('node:fs/promises');
  const list = async () => {
    const { readdir } = await files();
    const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw sourceFailed('directoryStore', `directory ${path}`, 'to list it', reason(error), error);
    });
    return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
  };
  return {
    name: `directoryStore ${path}`,
    list,
    read: async (sequence) => new Uint8Array(await (await files()).readFile(`${path}/${nameOf(sequence)}`)),
    async write(sequence, bytes) {
      try {
        await writeDurably(path, nameOf(sequence), bytes);
      } catch (error) {
        throw sinkFailed('directoryStore', `checkpoint in ${path}`, 'to write it', reason(error), error);
      }
      const { rm } = await files();
      const old = (await list()).sort((a, b) => b - a).slice(keep);
      for (const number of old) await rm(`${path}/${nameOf(number)}`, { force: true });
    },
    async clear() {
      const { rm } = await files();
      for (const number of await list()) await rm(`${path}/${nameOf(number)}`, { force: true });
    },
    lock: () => lockDirectory(path),
    spill: (step) => fileSpill(path, `${encodeURIComponent(step)}.spill`),
  };
}

async function writeDurably(directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const { mkdir, open, rename } = await import('node:fs/promises');
  await mkdir(directory, { recursive: true });
  const temporary = `${directory}/${name}.tmp`;
  reached('checkpoint:before-write');
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  reached('checkpoint:after-write');
  reached('checkpoint:before-rename');
  await rename(temporary, `${directory}/${name}`);
  reached('checkpoint:after-rename');
  if (process.platform === 'win32') return;
  const opened = await open(directory, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

function fileSpill(directory: string, name: string): SpillFile {
  const fs = process.getBuiltinModule('node:fs');
  fs.mkdirSync(directory, { recursive: true });
  const file = fs.openSync(`${directory}/${name}`, fs.constants.O_RDWR | fs.constants.O_CREAT);
  let length = fs.fstatSync(file).size;
  return {
    get byteLength() {
      return length;
    },
    append(bytes) {
      const offset = length;
      for (let done = 0; done < bytes.length; ) {
        done += fs.writeSync(file, bytes, done, bytes.length - done, offset + done);
      }
      length += bytes.length;
      return offset;
    },
    read(offset, byteLength) {
      const bytes = new Uint8Array(byteLength);
      for (let done = 0; done < byteLength; ) {
        const read = fs.readSync(file, bytes, done, byteLength - done, offset + done);
        if (read === 0)
          throw sourceFailed('directoryStore', `spill file ${name}`, `${byteLength} bytes`, `${done}`);
        done += read;
      }
      return bytes;
    },
    truncate(byteLength) {
      if (byteLength > length) {
        throw sourceFailed(
          'directoryStore',
          `spill file ${name}`,
          `at least ${byteLength} bytes`,
          `${length}`,
        );
      }
      fs.ftruncateSync(file, byteLength);
      length = byteLength;
    },
    sync: () => fs.fsyncSync(file),
    close: () => fs.closeSync(file),
  };
}
