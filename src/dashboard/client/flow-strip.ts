/**
 * The flow as a row of cards, from the source to the sink; one is chosen, and its batches are shown.
 */
import { bytes, count } from '../../cli/format.js';
import type { ProgressState } from '../../progress.js';
import type { Rates } from './rates.js';

/** The source, a step by its id, or the sink. */
export type Place = { readonly step: string | null };

export class FlowStrip {
  readonly #strip: HTMLElement;
  readonly #onChoose: (place: Place) => void;
  #chosen: string | null = null;
  #cards = new Map<
    string | null,
    { readonly card: HTMLElement; readonly facts: HTMLElement; readonly bar: HTMLElement }
  >();

  constructor(strip: HTMLElement, onChoose: (place: Place) => void) {
    this.#strip = strip;
    this.#onChoose = onChoose;
  }

  begin(steps: readonly string[]): void {
    this.#cards.clear();
    this.#strip.replaceChildren();
    for (const step of [null, ...steps]) this.#strip.append(this.#card(step));
    this.#choose(steps.at(-1) ?? null);
  }

  show(state: ProgressState, rates: Rates | undefined): void {
    const source = [`${count(state.rows)} rows`, `${bytes(state.bytesIn)}`];
    if (rates) source.push(`${count(rates.rowsPerSecond)} rows/s`);
    this.#fill(null, source, state.fraction ?? 0);
    for (const [i, step] of state.steps.entries()) {
      const rate = rates?.steps[i];
      const facts = [`${count(step.rowsOut)} rows`, `${bytes(step.stateBytes)} state`];
      if (rate) facts.push(`${count(rate.rowsPerSecond)} rows/s`);
      if (step.inFlight > 0) facts.push(`${step.inFlight} waiting`);
      this.#fill(step.id, facts, rate?.busy ?? 0);
    }
  }

  #fill(step: string | null, facts: readonly string[], share: number): void {
    const card = this.#cards.get(step);
    if (card === undefined) return;
    card.facts.textContent = facts.join(' · ');
    card.bar.style.width = `${Math.min(100, 100 * share).toFixed(1)}%`;
  }

  #card(step: string | null): HTMLElement {
    const card = document.createElement('button');
    card.className = 'card place';
    card.type = 'button';
    card.title = step === null ? 'bar: how much is read' : 'bar: share of time spent here';
    const [name, facts, track, bar] = ['strong', 'span', 'div', 'i'].map((tag) =>
      document.createElement(tag),
    ) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement];
    name.textContent = step ?? 'source';
    track.className = 'bar';
    track.append(bar);
    card.append(name, facts, track);
    card.addEventListener('click', () => this.#choose(step));
    this.#cards.set(step, { card, facts, bar });
    return card;
  }

  #choose(step: string | null): void {
    this.#cards.get(this.#chosen)?.card.setAttribute('aria-pressed', 'false');
    this.#chosen = step;
    this.#cards.get(step)?.card.setAttribute('aria-pressed', 'true');
    this.#onChoose({ step });
  }
}
