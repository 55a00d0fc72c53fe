/**
 * Publishes messages in order, so many at a time, as far as the broker takes them.
 */

export interface Published {
  /** Messages from the front that the broker has acknowledged. */
  readonly done: number;
  /** Why it stopped there; absent where all are done. */
  readonly failure?: { readonly error: unknown };
}

/** `onDone` hears each acknowledgement in order. Resolves once nothing is under way any more. */
export async function publishWindow<M, Answer>(
  messages: readonly M[],
  inFlight: number,
  publish: (message: M) => Promise<Answer>,
  onDone: (message: M, answer: Answer) => void,
): Promise<Published> {
  const underWay: Promise<Answer>[] = [];
  let done = 0;
  const settleOldest = async () => {
    const answer = await underWay[0]!;
    underWay.shift();
    onDone(messages[done++]!, answer);
  };
  try {
    for (const message of messages) {
      if (underWay.length >= inFlight) await settleOldest();
      const published = publish(message);
      published.catch(() => {});
      underWay.push(published);
    }
    while (underWay.length > 0) await settleOldest();
    return { done };
  } catch (error) {
    await Promise.allSettled(underWay);
    return { done, failure: { error } };
  }
}
