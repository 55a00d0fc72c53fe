/**
 * One reading of a directory: which file is read now, and what becomes of it when it grows, moves or is cut off.
 */
import type { Schema } from 'apache-arrow';
import { describeSchema, sameSchema } from '../src/columns.js';
import { type DataflowError, schemaChanged, sourceFailed } from '../src/errors.js';
import { pause } from '../src/pause.js';
import type { Position, Source, Sourced } from '../src/source.js';
import { byName, type FileState, listed, renamed, stateOf } from './directory-listing.js';
import { canGrow } from './growing.js';
import { foreignPosition, positionFields } from './position.js';

/** How a directory is followed. */
export interface Following {
  readonly pollMs: number;
  readonly idleMs: number;
  readonly replaced: 'fail' | 'restart';
}

/** A place in the stream: a file, by its name and its number, and the place inside of it. */
interface Place {
  readonly file: string;
  readonly node?: string;
  readonly inner?: Position;
}

export class DirectoryReading {
  readonly #who: string;
  readonly #pattern: string;
  readonly #source: (path: string) => Source;
  readonly #follow: Following | undefined;
  readonly #signal: AbortSignal;
  #at: Place | undefined;
  #files: readonly string[] = [];
  #hasLooked = false;
  #schema: Schema | undefined;
  /** Bytes of the file when it was read last: without more, there is nothing to read. */
  #seenBytes = -1;

  constructor(
    who: string,
    pattern: string,
    source: (path: string) => Source,
    follow: Following | undefined,
    from: Position | undefined,
    signal: AbortSignal,
  ) {
    this.#who = who;
    this.#pattern = pattern;
    this.#source = source;
    this.#follow = follow;
    this.#signal = signal;
    this.#at = placeOf(who, from);
  }

  async *batches(): AsyncGenerator<Sourced> {
    await this.#look();
    let newestMs = performance.now();
    for (;;) {
      let hasRead = false;
      for await (const sourced of this.#readOn()) {
        hasRead = true;
        yield sourced;
      }
      if (this.#follow === undefined) return;
      if (hasRead) newestMs = performance.now();
      else if (performance.now() - newestMs >= this.#follow.idleMs) return yield* this.#last();
      await pause(this.#follow.pollMs, this.#signal);
      await this.#look();
    }
  }

  /** Everything that can be read by now. */
  async *#readOn(): AsyncGenerator<Sourced> {
    this.#at ??= this.#next();
    while (this.#at !== undefined) {
      const next = this.#next();
      const mayGrow = this.#follow !== undefined && next === undefined;
      yield* this.#current(mayGrow);
      if (next === undefined) return;
      this.#moveTo(next);
    }
  }

  /** What is left of the last file once nobody waits for more of it. */
  async *#last(): AsyncGenerator<Sourced> {
    if (this.#at !== undefined) yield* this.#current(false);
  }

  /** What can be read of the file that the place is in. */
  async *#current(mayGrow: boolean): AsyncGenerator<Sourced> {
    const { file, node, inner } = this.#at!;
    const state = await stateOf(this.#who, file);
    const isRead = state === undefined ? this.#seenBytes >= 0 : state.bytes === this.#seenBytes && mayGrow;
    if (this.#follow !== undefined && node !== undefined && this.#isReplaced(state, node, inner)) {
      // A file that was taken away is no loss once it was read.
      if (isRead && (await renamed(this.#who, file, node)) === undefined) return;
      yield* this.#replaced(this.#follow, state, node, mayGrow);
    } else if (!isRead) {
      yield* this.#file(file, state?.node ?? node, mayGrow);
      this.#seenBytes = state?.bytes ?? -1;
    }
  }

  /** The rest of a file that has another name now, if there is one, then what stands in its place. */
  async *#replaced(
    { replaced }: Following,
    state: FileState | undefined,
    node: string,
    mayGrow: boolean,
  ): AsyncGenerator<Sourced> {
    const { file } = this.#at!;
    const old = state?.node === node ? undefined : await renamed(this.#who, file, node);
    if (old !== undefined) yield* this.#file(old, node, state === undefined);
    else if (replaced === 'fail') throw this.#lost(file, state?.bytes);
    if (state === undefined) return;
    this.#moveTo({ file });
    yield* this.#file(file, state.node, mayGrow);
  }

  #isReplaced(state: FileState | undefined, node: string, inner: Position | undefined): boolean {
    const bytes = positionFields(inner ?? null)?.bytes;
    return state?.node !== node || (typeof bytes === 'number' && state.bytes < bytes);
  }

  /** The batches of one file, under whatever path it has, from the place on. */
  async *#file(path: string, node: string | undefined, mayGrow: boolean): AsyncGenerator<Sourced> {
    const source = this.#source(path);
    const { file, inner } = this.#at!;
    const isGrowing = mayGrow && canGrow(source);
    const reading = isGrowing ? source.readGrown(inner, this.#signal) : source.read(inner, this.#signal);
    for await (const sourced of reading) {
      this.#check(path, sourced);
      this.#at = { file, ...(node !== undefined && this.#follow && { node }), inner: sourced.next };
      const { fraction, ...rest } = sourced;
      yield { ...rest, next: { ...this.#at } as Position, ...this.#fraction(fraction) };
    }
  }

  /** All batches have the schema of the first. */
  #check(path: string, { batch }: Sourced): void {
    this.#schema ??= batch.schema;
    if (sameSchema(this.#schema, batch.schema)) return;
    const error = schemaChanged(
      this.#who,
      describeSchema(this.#schema),
      `${describeSchema(batch.schema)} in '${path}'`,
    );
    throw error.within({ file: path });
  }

  #fraction(inFile = 0): { readonly fraction?: number } {
    if (this.#follow !== undefined) return {};
    return { fraction: (this.#files.indexOf(this.#at!.file) + inFile) / this.#files.length };
  }

  /** The file behind the current one. */
  #next(): Place | undefined {
    const at = this.#at;
    const file = this.#files.find((name) => at === undefined || byName(name, at.file) > 0);
    return file === undefined ? undefined : { file };
  }

  #moveTo(place: Place): void {
    this.#at = place;
    this.#seenBytes = -1;
  }

  /** Looks which files there are. One that comes too late cannot be read in order. */
  async #look(): Promise<void> {
    const files = await listed(this.#who, this.#pattern);
    const at = this.#at;
    const late = files.find((file) => at && byName(file, at.file) < 0 && !this.#files.includes(file));
    if (late !== undefined && this.#hasLooked) {
      const expected = `names behind '${at!.file}', which is read`;
      throw sourceFailed(this.#who, 'new file', expected, `'${late}'`);
    }
    if (this.#follow === undefined && (files.length === 0 || (at && !files.includes(at.file)))) {
      const expected = at === undefined ? 'at least one' : `'${at.file}' among them`;
      throw sourceFailed(
        this.#who,
        'files',
        expected,
        files.length === 0 ? 'none' : `${files.length} others`,
      );
    }
    this.#files = files;
    this.#hasLooked = true;
  }

  #lost(file: string, bytes: number | undefined): DataflowError {
    const got = bytes === undefined ? 'none' : `another or a shorter one, of ${bytes} bytes`;
    const expected = "the file that was read (or option follow: { replaced: 'restart' })";
    return sourceFailed(this.#who, `file '${file}'`, expected, got).within({ file });
  }
}

function placeOf(who: string, from: Position | undefined): Place | undefined {
  if (from === undefined) return undefined;
  const { file, node, inner } = positionFields(from) ?? {};
  if (typeof file !== 'string' || (node !== undefined && typeof node !== 'string')) {
    throw foreignPosition(who, 'a file and a position in it', from);
  }
  return { file, ...(node !== undefined && { node }), ...(inner !== undefined && { inner }) };
}
