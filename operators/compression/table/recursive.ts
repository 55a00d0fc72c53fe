/**
 * Recursive least squares: a linear prediction that is the best so far after every value.
 *
 *   g = P f      w += g (y − w·f) / (λ + f·g)      P = (P − g gᵀ / (λ + f·g)) / λ
 */

/** The most features of a prediction. */
export const FEATURES = 12;
const FORGETTING = 0.9985;
const MOST_VARIANCE = 1e7;

export class Recursive {
  readonly features = new Float64Array(FEATURES);
  readonly #weights = new Float64Array(FEATURES);
  readonly #P = new Float64Array(FEATURES * FEATURES);
  readonly #gain = new Float64Array(FEATURES);
  #isReady = false;
  /** How many features the last prediction had; 0 before the first. */
  #used = 0;

  save() {
    return { weights: this.#weights.slice(), P: this.#P.slice(), isReady: this.#isReady };
  }

  restore({ weights, P, isReady }: ReturnType<Recursive['save']>): void {
    this.#weights.set(weights);
    this.#P.set(P);
    this.#isReady = isReady;
  }

  /** The prediction from the first `count` features. */
  predict(count: number): number {
    if (!this.#isReady) this.#start();
    this.#used = count;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.#weights[i]! * this.features[i]!;
    return sum;
  }

  /** Learns what should have been predicted. */
  learn(y: number): void {
    const n = this.#used;
    if (n === 0) return;
    const P = this.#P;
    const f = this.features;
    const w = this.#weights;
    const gain = this.#gain;
    let missed = y;
    let variance = FORGETTING;
    for (let i = 0; i < n; i++) {
      missed -= w[i]! * f[i]!;
      let sum = 0;
      for (let j = 0; j < n; j++) sum += P[i * FEATURES + j]! * f[j]!;
      gain[i] = sum;
    }
    for (let i = 0; i < n; i++) variance += f[i]! * gain[i]!;
    for (let i = 0; i < n; i++) {
      const share = gain[i]! / variance;
      w[i] = w[i]! + share * missed;
      for (let j = 0; j < n; j++) {
        P[i * FEATURES + j] = (P[i * FEATURES + j]! - share * gain[j]!) / FORGETTING;
      }
      if (!(P[i * FEATURES + i]! < MOST_VARIANCE) || !(Math.abs(w[i]!) < MOST_VARIANCE))
        this.#isReady = false;
    }
    this.#used = 0;
  }

  #start(): void {
    this.#weights.fill(0);
    this.#P.fill(0);
    for (let i = 0; i < FEATURES; i++) this.#P[i * FEATURES + i] = 1;
    this.#isReady = true;
  }
}
