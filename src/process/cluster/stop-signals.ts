const repeatMs = 5000;

/**
 * Listens for SIGTERM, SIGINT, and the message `shutdown` of PM2. Because npm, `tini -g` and a terminal deliver one
 * request twice, a second one within 5 s is ignored. A later one, a third, or a second Ctrl-C in a terminal stops the
 * process immediately.
 */
export function onStopSignals(stop: (signal: string) => void, stopNow: (signal: string) => void): void {
  let first: number | undefined;
  let count = 0;
  const onSignal = (signal: string): void => {
    count++;
    first ??= performance.now();
    if (count === 1) stop(signal);
    else if (
      count > 2 ||
      performance.now() - first > repeatMs ||
      (signal === 'SIGINT' && process.stdin.isTTY)
    ) {
      stopNow(signal);
    }
  };
  const onMessage = (message: unknown): void => {
    if (message === 'shutdown') onSignal('shutdown');
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // a listener keeps the channel and the process alive, so it is added only where a channel exists
  if (process.connected) process.on('message', onMessage);
}
