/** What could be faked, and is not: sockets, and what tests wait by, go on. */
const always = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
] as const;

/** Puts `Date` of a test file under its control, and nothing else. */
export function fakeDate(): { set(time: number): void } {
  beforeAll(() => {
    jest.useFakeTimers({ doNotFake: [...always, 'setTimeout', 'clearTimeout'] });
  });
  afterAll(() => {
    jest.useRealTimers();
  });
  return {
    set(time) {
      jest.setSystemTime(time);
    },
  };
}

/** Puts `setTimeout` under the control of a test, and nothing else, until `stop`. */
export function fakeTimeouts(): { pass(ms: number): void; stop(): void } {
  jest.useFakeTimers({ doNotFake: [...always, 'Date'] });
  return {
    pass: (ms) => void jest.advanceTimersByTime(ms),
    stop: () => void jest.useRealTimers(),
  };
}
