/** Whatever else could be faked stays real: sockets and timers go on. */
const real = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

/** Puts `Date` of a test file under its control, and nothing else. */
export function fakeDate(): { set(time: number): void } {
  beforeAll(() => {
    jest.useFakeTimers({ doNotFake: [...real] });
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
