import { helpFor, quote } from './errors.js';

const pauseMs = 10_000;

/**
 * Creates a function that warns of log lines that could not be written. It warns immediately, then at most every ten
 * seconds with their number.
 */
export function lostLineReporter(): (error: unknown) => void {
  const code = 'ERR_PRODUCTIONIZE_LOG_LINE';
  let lost = 0;
  let silentUntil = 0;
  return function reportLostLine(error) {
    lost += 1;
    const now = performance.now();
    if (now < silentUntil) return;
    silentUntil = now + pauseMs;
    const lines = lost === 1 ? 'A log line' : `${lost} log lines`;
    lost = 0;
    process.emitWarning(`${lines} could not be written: ${quote(error)}. See ${helpFor(code)}.`, {
      type: 'ProductionizeWarning',
      code,
    });
  };
}
