/** Sockets, and what tests wait by, stay real. */
const real = [
  'Date',
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
] as const;

/** Puts `setTimeout` under the control of a test, and nothing else, until `stop`. */
export function fakeTimeouts(): { pass(ms: number): void; stop(): void } {
  jest.useFakeTimers({ doNotFake: [...real] });
  return {
    pass: (ms) => void jest.advanceTimersByTime(ms),
    stop: () => void jest.useRealTimers(),
  };
}
