/**
 * Pieces of an asynchronous stream: cut to a size, or worked on side by side.
 */

/** The bytes of `input` in blocks of exactly `blockBytes`, the last one with what is left; each in memory of its own. */
export async function* blocksOf(
  input: AsyncIterable<Uint8Array>,
  blockBytes: number,
): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(blockBytes);
  let length = 0;
  for await (const bytes of input) {
    for (let from = 0; from < bytes.length; ) {
      const count = Math.min(blockBytes - length, bytes.length - from);
      block.set(bytes.subarray(from, from + count), length);
      from += count;
      length += count;
      if (length < blockBytes) continue;
      yield block;
      block = new Uint8Array(blockBytes);
      length = 0;
    }
  }
  if (length > 0) yield block.slice(0, length);
}

/** What `work` makes of each item, in the order of the items, while up to `ahead` of them are worked on. */
export async function* inOrder<T, R>(
  ahead: () => number,
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for await (const item of items) {
    const result = work(item);
    // It is asked for later; if an earlier one fails, never.
    result.catch(() => {});
    begun.push(result);
    if (begun.length >= ahead()) yield await begun.shift()!;
  }
  for (const result of begun) yield await result;
}
