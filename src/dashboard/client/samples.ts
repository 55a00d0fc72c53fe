/**
 * The last batches of the chosen step, as a table of their first rows.
 */
import { count } from '../../cli/format.js';
import type { StepSample } from '../events.js';
import type { Sample } from '../sample.js';

const MOST_BATCHES = 3;
const NUMBERS = /^(U?int|Float|Decimal)/i;

export class Samples {
  readonly #title: HTMLElement;
  readonly #place: HTMLElement;
  /** The newest first. */
  readonly #batches = new Map<string | null, Sample[]>();
  #chosen: string | null = null;

  constructor(title: HTMLElement, place: HTMLElement) {
    this.#title = title;
    this.#place = place;
  }

  begin(samples: readonly StepSample[]): void {
    this.#batches.clear();
    for (const { step, sample } of samples) this.#batches.set(step, [sample]);
    this.choose(this.#chosen);
  }

  add({ step, sample }: StepSample): void {
    const before = this.#batches.get(step) ?? [];
    this.#batches.set(step, [sample, ...before].slice(0, MOST_BATCHES));
    if (step === this.#chosen) this.#show();
  }

  choose(step: string | null): void {
    this.#chosen = step;
    this.#show();
  }

  #show(): void {
    const batches = this.#batches.get(this.#chosen) ?? [];
    this.#title.textContent = `Last batches ${this.#chosen === null ? 'of the source' : `out of ${this.#chosen}`}`;
    this.#place.replaceChildren(...(batches.length > 0 ? [tableOf(batches)] : [nothing()]));
  }
}

function tableOf(batches: readonly Sample[]): HTMLTableElement {
  const [{ columns, moreColumns }] = batches as [Sample];
  const table = document.createElement('table');
  const head = table.createTHead().insertRow();
  for (const { name, type } of columns) {
    const cell = document.createElement('th');
    const kind = document.createElement('small');
    kind.textContent = type;
    cell.append(name, kind);
    if (NUMBERS.test(type)) cell.className = 'number';
    head.append(cell);
  }
  if (moreColumns > 0) head.insertCell().textContent = `+ ${moreColumns} columns`;
  for (const batch of batches) {
    const body = table.createTBody();
    for (const row of batch.rows) fill(body.insertRow(), row, batch);
    const rest = body.insertRow().insertCell();
    rest.colSpan = columns.length + 1;
    rest.className = 'rest';
    rest.textContent = `batch of ${count(batch.numRows)} rows`;
  }
  return table;
}

function fill(line: HTMLTableRowElement, row: readonly (string | null)[], { columns }: Sample): void {
  for (const [c, text] of row.entries()) {
    const cell = line.insertCell();
    cell.textContent = text ?? 'null';
    if (text === null) cell.className = 'null';
    else if (NUMBERS.test(columns[c]!.type)) cell.className = 'number';
  }
}

function nothing(): HTMLElement {
  const text = document.createElement('p');
  text.className = 'faint';
  text.textContent = 'No batch yet.';
  return text;
}
