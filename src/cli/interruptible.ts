import os from 'node:os';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs work that a signal aborts, so that it can end what it has started. Resolves with its exit code, or with that of
 * the signal. A second signal ends this process immediately.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const abort = new AbortController();
  let code: number | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (code !== undefined) process.exit(code);
    code = 128 + os.constants.signals[signal];
    abort.abort();
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await work(abort.signal);
  } catch (error) {
    if (code !== undefined) return code;
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
