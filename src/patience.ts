/**
 * Waiting for work that was told to stop, and may never answer.
 */

/** How long something is still waited for once its signal has aborted. */
const GRACE_MS = 1000;

/** What the work resolves to; rejects with the signal's reason where nothing came within a second of its abort. */
export function patiently<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const beginGrace = () => {
      timer = setTimeout(() => reject(signal.reason), GRACE_MS);
    };
    const settled = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', beginGrace);
    };
    if (signal.aborted) beginGrace();
    else signal.addEventListener('abort', beginGrace);
    work.then(resolve, reject).then(settled, settled);
  });
}
