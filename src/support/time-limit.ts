/**
 * Settles as the promise does, or resolves with the result of `onLate` after `limitMs` milliseconds. The work itself
 * continues. With `ref: false`, the limit does not keep the process alive.
 */
export function withTimeLimit<Value, Late>(
  work: PromiseLike<Value>,
  limitMs: number,
  onLate: () => Late,
  { ref = true } = {},
): Promise<Value | Late> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(onLate()), limitMs);
    if (!ref) timer.unref();
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
