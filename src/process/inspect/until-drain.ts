import { hooks, makeHook } from '../shutdown/hooks.js';

const running = new Set<() => void>();

/** Ends the work that runs early. */
export function endEarly(): void {
  for (const end of running) end();
}

/**
 * Runs work with a signal that aborts when this process drains or loses its channel, or by `endEarly`. A drain waits for the work, so that
 * its result is complete.
 */
export async function untilDrain<Result>(
  name: string,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const result = work(ending.signal);
  const hook = makeHook(
    () => {
      end();
      return result.catch(() => {});
    },
    { name },
  );
  hooks.drain.add(hook);
  process.once('disconnect', end);
  running.add(end);
  try {
    return await result;
  } finally {
    running.delete(end);
    hooks.drain.delete(hook);
    process.off('disconnect', end);
  }
}
