import type { ClusterWorker } from '../../../src/process/cluster/cluster-worker.js';
import { type MemoryLimit, replaceLargeWorkers } from '../../../src/process/cluster/memory-limit.js';

const MiB = 2 ** 20;

const worker = (id: number, { start, now }: { start: number; now: number }) =>
  ({ id, pid: 100 + id, startBytes: start * MiB, metrics: { privateBytes: now * MiB } }) as ClusterWorker;

/** A pool with these workers, whose checks of memory run by fake timers. */
function watch(workers: ClusterWorker[], { maxMemory = 0.9, group = Number.POSITIVE_INFINITY } = {}) {
  const pool = {
    workers: new Set(workers),
    members: () => workers,
    ready: workers.length,
    target: workers.length,
    stopping: false,
  };
  const reloader = { reloading: false, replace: jest.fn(async (..._: unknown[]) => true) };
  const warn = jest.fn();
  const log = { info: jest.fn(), error: jest.fn(), warn } as MemoryLimit['log'];
  replaceLargeWorkers({ pool, reloader, maxMemory, log, groupLimit: () => group, ownMemory: () => 30 * MiB });
  return { pool, reloader, replaced: reloader.replace.mock.calls, warn };
}

const small = { start: 40, now: 50 };
const large = { start: 40, now: 4000 };

describe('a memory limit', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('is a fraction of the limit of the control group, and has no effect without one', () => {
    const workers = [worker(1, small), worker(2, large)];
    const limited = watch(workers, { group: 4200 * MiB });
    const unlimited = watch(workers);
    jest.advanceTimersByTime(5000);
    expect(limited.replaced).toEqual([[workers[1], { drainFirst: false }]]);
    expect(unlimited.replaced).toEqual([]);
  });

  it('is a number of bytes for all workers and the primary', () => {
    const { replaced, warn } = watch([worker(1, large), worker(2, small)], { maxMemory: 4000 * MiB });
    jest.advanceTimersByTime(5000);
    expect(replaced).toHaveLength(1);
    expect(warn.mock.lastCall).toEqual([
      expect.objectContaining({ worker: 1, workerPid: 101, memoryBytes: 4000 * MiB }),
      expect.stringMatching(
        /^cluster: 2 workers and the primary use \d+ MiB of memory, the limit is 4000 MiB; worker 1 is replaced, which uses 4000 MiB, after its start 40 MiB$/,
      ),
    ]);
  });

  it('must be exceeded in five checks in a row', () => {
    const leaking = worker(2, large);
    const { replaced } = watch([worker(1, small), leaking], { maxMemory: 4000 * MiB });
    jest.advanceTimersByTime(4000);
    leaking.metrics = worker(2, small).metrics;
    jest.advanceTimersByTime(1000);
    leaking.metrics = worker(2, large).metrics;
    jest.advanceTimersByTime(4000);
    expect(replaced).toEqual([]);
    jest.advanceTimersByTime(1000);
    expect(replaced).toHaveLength(1);
  });

  it('replaces at most one worker each minute, and none during a reload, a start or a stop', () => {
    const { replaced, pool, reloader } = watch([worker(1, large), worker(2, large)], { maxMemory: MiB });
    jest.advanceTimersByTime(64_000);
    expect(replaced).toHaveLength(1);
    reloader.reloading = true;
    jest.advanceTimersByTime(10_000);
    reloader.reloading = false;
    pool.ready = 1;
    jest.advanceTimersByTime(10_000);
    pool.ready = 2;
    pool.stopping = true;
    jest.advanceTimersByTime(10_000);
    expect(replaced).toHaveLength(1);
    pool.stopping = false;
    jest.advanceTimersByTime(1000);
    expect(replaced).toHaveLength(2);
  });

  it('drains the old worker first where the control group has no room for one more, unless it is the only one', () => {
    const group = 4080 * MiB;
    const two = watch([worker(1, { start: 40, now: 40 }), worker(2, large)], { group });
    const one = watch([worker(1, { start: 100, now: 4000 })], { group });
    jest.advanceTimersByTime(5000);
    expect(two.replaced).toEqual([[expect.anything(), { drainFirst: true }]]);
    expect(one.replaced).toEqual([[expect.anything(), { drainFirst: false }]]);
  });

  it('does not replace workers that have not grown, and warns once that there are too many', () => {
    const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { replaced } = watch([worker(1, small), worker(2, small)], { maxMemory: MiB });
    jest.advanceTimersByTime(20_000);
    expect(replaced).toEqual([]);
    expect(emit.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^2 workers and the primary use \d+ MiB of memory, the limit is 1 MiB, and no worker has grown much since its start\. Run fewer workers, or allow more memory\. /,
        ),
        { type: 'ProductionizeWarning', code: 'ERR_PRODUCTIONIZE_CLUSTER_MEMORY' },
      ],
    ]);
    emit.mockRestore();
  });
});
