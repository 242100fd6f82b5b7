import { runCluster } from '../../../src/process/cluster/index.js';

describe('misuse', () => {
  it.each([
    [undefined, 'expected a function that starts the app, got undefined'],
    [{ listen() {} }, 'expected a function that starts the app'],
  ])('throws for %p', async (start, message) => {
    await expect(runCluster(start as never)).rejects.toThrow(message);
  });

  it.each([
    [{ workers: 0 }, '`workers` to be a whole number of workers, 1 or more and at most 1024, got 0'],
    [{ worker: 2 }, "unknown option 'worker'. Did you mean `workers`?"],
    [{ sticky: { port: 'x' } }, '`sticky` to be { port, host? } with a port from 0 to 65535'],
    [
      { maxMemory: 90 },
      '`maxMemory` to be a fraction above 0 and at most 1, a whole number of bytes from 1048576, or false, got 90',
    ],
    [{ logger: console.log }, '`logger` to be a logger with `info`, `warn` and `error`'],
  ])('throws for %p', async (options, message) => {
    await expect(runCluster(() => {}, options as never)).rejects.toThrow(message);
  });
});
