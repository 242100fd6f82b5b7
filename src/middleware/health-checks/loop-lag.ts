import { attachShared } from '../../support/attachment.js';

const tickMs = 250;

let due = 0;
let last = 0;

/** Measures the event loop delay with one timer for all apps, which does not keep the process alive. Returns its undo. */
export function measureLoopLag(): () => void {
  return attachShared(measureLoopLag, 'timer', () => {
    due = performance.now() + tickMs;
    last = 0;
    const timer = setInterval(tick, tickMs).unref();
    return () => clearInterval(timer);
  });
}

function tick(): void {
  const now = performance.now();
  last = now - due;
  due = now + tickMs;
}

/** The delay in milliseconds, never below 0: that of the last tick, or of a tick that is overdue now. */
export function loopLagMs(): number {
  return Math.max(0, Math.round(Math.max(last, performance.now() - due)));
}
