/**
 * The text of a flow file: what it says, where it says it, and what stands in for references.
 *
 * `${NAME}` is an environment variable, `${NAME:-default}` one with a default, `${file:path}` the text of a file without the line
 * break at its end, `$${` a plain `${`. A reference that is all of a value is a number or truth value where its text is one in
 * YAML and no text is asked for. What references stand for is never shown: `masked` puts the reference in its place.
 */
import { type Document, isMap, LineCounter, parseDocument, type Scalar, visit } from 'yaml';
import { DataflowError, flowFileError, flowFileRefused } from '../errors.js';

/** Keys and indices from the top of the file. */
export type Path = readonly (string | number)[];

/** Where references look. */
export interface References {
  /** Environment variables by name. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of a file; what it throws becomes the reason of an error. */
  readonly readFile: (path: string) => string;
}

const REFERENCE = /\$\$\{|\$\{(file:)?([^}:]+)(?::-([^}]*))?\}/g;

export class FlowText {
  readonly #file: string;
  readonly #document: Document;
  readonly #placeAt: (offset: number) => { readonly line: number; readonly col: number };
  /** The texts of values that are one reference and nothing else. */
  readonly #whole = new Map<unknown, string>();
  /** What references stand for, and how they are written; the longest first. */
  readonly #hidden: [string, string][] = [];

  private constructor(
    file: string,
    document: Document,
    placeAt: (offset: number) => { line: number; col: number },
  ) {
    this.#file = file;
    this.#document = document;
    this.#placeAt = placeAt;
  }

  /** Reads YAML (or JSON, which is YAML), and puts in what references stand for. */
  static parse(file: string, text: string, references: References): FlowText {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const read = new FlowText(file, document, (offset) => lines.linePos(offset));
    const [error] = document.errors;
    if (error !== undefined) throw read.#errorAt(error.pos[0], 'YAML', 'a flow', error.message);
    visit(document, {
      Scalar: (key, node) => {
        if (key !== 'key' && typeof node.value === 'string') read.#resolve(node, references, document);
      },
    });
    read.#hidden.sort(([a], [b]) => b.length - a.length);
    return read;
  }

  get value(): unknown {
    return this.#document.toJS();
  }

  /** Takes the value of a path as text, where it is a reference whose text looks like something else; false where not. */
  takeAsText(path: Path): boolean {
    const node = this.#document.getIn(path, true) as Scalar | undefined;
    const text = this.#whole.get(node);
    if (text === undefined || node!.value === text) return false;
    node!.value = text;
    return true;
  }

  /** An error at the key that ends a path. */
  keyError(path: Path, what: string, expected: string, got: string): DataflowError {
    const map = this.#document.getIn(path.slice(0, -1), true);
    const pair = isMap(map) ? map.items.find(({ key }) => (key as Scalar).value === path.at(-1)) : undefined;
    const offset = (pair?.key as Scalar | undefined)?.range?.[0] ?? this.#offset(path);
    return this.#errorAt(offset, this.masked(what), expected, this.masked(got));
  }

  /** An error at the value of a path. */
  error(path: Path, what: string, expected: string, got: string): DataflowError {
    return this.#errorAt(this.#offset(path), this.masked(what), expected, this.masked(got));
  }

  /** The error of a function, at the value of a path. */
  refused(path: Path, error: DataflowError): DataflowError {
    const { line, col } = this.#placeAt(this.#offset(path));
    const place = { file: this.#file, line };
    return flowFileRefused(`${this.#file}:${line}:${col}`, this.masked(error.message), place, error);
  }

  /** Text without what references stand for. */
  masked(text: string): string {
    let shown = text;
    for (const [value, reference] of this.#hidden) shown = shown.replaceAll(value, reference);
    return shown;
  }

  /** The same error without what references stand for; anything else as it is. */
  maskedError(error: unknown): unknown {
    if (!(error instanceof Error) || this.masked(error.message) === error.message) return error;
    const message = this.masked(error.message);
    return error instanceof DataflowError
      ? new DataflowError(error.code, message, error.at)
      : new Error(message);
  }

  #errorAt(offset: number, what: string, expected: string, got: string, cause?: unknown): DataflowError {
    const { line, col } = this.#placeAt(offset);
    return flowFileError(
      `${this.#file}:${line}:${col}`,
      what,
      expected,
      got,
      { file: this.#file, line },
      cause,
    );
  }

  /** Where the value of a path begins; of what is not there, the innermost that is. */
  #offset(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const node = this.#document.getIn(path.slice(0, length), true) as Scalar | undefined;
      if (node?.range) return node.range[0];
    }
    return this.#document.contents?.range?.[0] ?? 0;
  }

  #resolve(node: Scalar, references: References, document: Document): void {
    const text = node.value as string;
    const resolved = text.replaceAll(REFERENCE, (written, file, name: string, otherwise?: string) => {
      if (written === '$${') return '${';
      const value = file === undefined ? references.environment[name] : this.#textOf(node, name, references);
      if (value === undefined && otherwise === undefined) {
        throw this.#errorAt(
          node.range?.[0] ?? 0,
          written,
          `environment variable ${name} to be set`,
          'nothing',
        );
      }
      if (value === undefined) return otherwise!;
      if (value.length > 2) this.#hidden.push([value, written.replace(/:-.*\}$/s, '}')]);
      return value;
    });
    if (resolved === text) return;
    node.value = resolved;
    if (text.replace(REFERENCE, '') !== '') return;
    node.value = plainValue(document, resolved);
    this.#whole.set(node, resolved);
  }

  #textOf(node: Scalar, path: string, { readFile }: References): string {
    try {
      return readFile(path).replace(/\r?\n$/, '');
    } catch (error) {
      const got = error instanceof Error ? error.message : String(error);
      throw this.#errorAt(node.range?.[0] ?? 0, `\${file:${path}}`, 'a file that can be read', got, error);
    }
  }
}

/** What a text without quotes means in YAML: a number, a truth value, null, or itself. */
function plainValue(document: Document, text: string): unknown {
  for (const tag of document.schema!.tags) {
    if ('test' in tag && tag.default === true && tag.test?.test(text) && tag.resolve !== undefined) {
      return tag.resolve(text, () => {}, document.options);
    }
  }
  return text;
}
