import { withTimeLimit } from '../../src/support/time-limit.js';

const never = new Promise<never>(() => {});
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('withTimeLimit', () => {
  it.each(['resolves', 'rejects'] as const)(
    'settles as a promise that %s in time, and clears its timer',
    async (how) => {
      const before = timers();
      const onLate = jest.fn();
      const work = how === 'resolves' ? Promise.resolve('done') : Promise.reject(new Error('failed'));
      const limited = withTimeLimit(work, 60_000, onLate);
      if (how === 'resolves') await expect(limited).resolves.toBe('done');
      else await expect(limited).rejects.toThrow('failed');
      expect(timers()).toBe(before);
      expect(onLate).not.toHaveBeenCalled();
    },
  );

  it('resolves with the result of onLate after the time limit; a later result changes nothing', async () => {
    let fail: (error: Error) => void = () => {};
    const work = new Promise<string>((_resolve, reject) => {
      fail = reject;
    });
    const onLate = jest.fn(() => 'late');
    const limited = withTimeLimit(work, 5, onLate);
    await expect(limited).resolves.toBe('late');
    fail(new Error('after that'));
    await expect(limited).resolves.toBe('late');
    expect(onLate).toHaveBeenCalledTimes(1);
  });

  it('keeps the process alive unless an option allows the exit', () => {
    const before = timers();
    void withTimeLimit(never, 60_000, () => {}, { ref: false });
    // only timers that keep the process alive are counted
    expect(timers()).toBe(before);
    void withTimeLimit(never, 1, () => {});
    expect(timers()).toBe(before + 1);
  });
});
