import type { LogDestination } from './buffered-destination.js';

/**
 * Returns a destination for PM2's cluster mode, else `undefined`. That mode replaces `process.stdout.write`, and lines
 * written to the descriptor itself end up in the log of PM2 in place of the app's.
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
    // PM2 writes the files, and accepts only one line at a time
    flushSync() {},
    close: flush,
  };
}
