import type { LogDestination } from './buffered-destination.js';

/**
 * PM2's cluster mode puts a function of its own in the place of `process.stdout.write`, and lines that go to the
 * descriptor itself end up in the log of PM2 instead of the app's. Returns the destination for that case, else
 * `undefined`.
 */
export function redirectedStdout(): LogDestination | undefined {
  if (process.env.pm_id === undefined || !Object.hasOwn(process.stdout, 'write')) return undefined;
  let pending = 0;
  let waiters: (() => void)[] = [];
  const written = (): void => {
    pending -= 1;
    if (pending > 0) return;
    for (const resolve of waiters) resolve();
    waiters = [];
  };
  const flush = async (): Promise<void> => {
    if (pending > 0) await new Promise<void>((resolve) => waiters.push(resolve));
  };
  return {
    write(line) {
      pending += 1;
      process.stdout.write(line, 'utf8', written);
    },
    async flush(callback) {
      await flush();
      callback?.();
    },
    // PM2 writes to files by itself, and takes no more than one line at a time
    flushSync() {},
    close: flush,
  };
}
