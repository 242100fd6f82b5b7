import { findClusters, sendRequest } from '../../src/process/cluster/control-client.js';
import type { ControlRequest, TaskResult } from '../../src/process/cluster/control-protocol.js';
import { app, cleanUp, start } from '../helpers/cli.js';
import { pidOf, ready } from '../helpers/clusters.js';
import { until } from '../helpers/daemons.js';

let started: ReturnType<typeof start>;
let socket: string;

beforeAll(async () => {
  started = start(app('levelled.cjs'), ['-w', '2']);
  await ready(started.cluster, 2);
  const [found] = await findClusters(started.dir);
  socket = found?.socket ?? '';
});
afterAll(cleanUp);

/** Requests a task of the cluster, as commands do. */
async function task(
  request: Omit<Extract<ControlRequest, { command: 'task' }>, 'command'>,
): Promise<readonly TaskResult[]> {
  const response = await sendRequest(socket, { command: 'task', ...request });
  if (!response.ok) throw new Error(response.message);
  return response.results ?? [];
}

const changed = (level: string) => [expect.objectContaining({ level })];

describe('log-level', () => {
  it('changes the level of all workers, and a worker of a reload has the normal one', async () => {
    const { cluster, ask } = started;
    const url = await cluster.url();
    await pidOf(url);
    const result = await ask('log-level', 'debug', '--for', '1h');
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toMatch(
      /^worker 1 \(\d+\) {2}pino {2}info → debug, the normal level again in 60 min\nworker 2 \(\d+\) {2}pino {2}info → debug/,
    );
    expect(cluster.log().filter(({ msg }) => msg === 'a detail')).toEqual([]);
    await pidOf(url);
    expect(await cluster.logged(/^a detail$/)).toMatchObject({ level: 20 });
    await ask('reload');
    expect(await ask('log-level')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^worker 3 \(\d+\) {2}pino {2}info\nworker 4 \(\d+\) {2}pino {2}info\n$/),
    });
  });

  it('changes one worker for a time, and names the running ones instead of an unknown one', async () => {
    const { ask } = started;
    const { out } = await ask('log-level', 'trace', '--worker', '4', '--for', '1500ms', '--json');
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      results: [{ worker: 4, result: [{ logger: 'pino', level: 'trace', before: 'info' }] }],
    });
    await until(async () => {
      const [third, fourth] = await task({ name: 'log-level', limitMs: 60_000 });
      expect(third?.result).toEqual(changed('info'));
      return JSON.stringify(fourth?.result) === JSON.stringify(third?.result);
    });
    expect(await ask('log-level', 'debug', '--worker', '7')).toMatchObject({
      code: 1,
      err: 'no worker 7 runs; running: 3, 4\n',
    });
  });

  it('names a wrong level, and the usage where an argument is wrong', async () => {
    const { ask } = started;
    expect(await ask('log-level', 'loud')).toMatchObject({
      code: 1,
      out: expect.stringContaining(
        `expected one of the levels trace, debug, info, warn, error, fatal, silent, got 'loud'`,
      ),
    });
    for (const [wrong, message] of [
      [['debug', '--for', 'soon'], '--for: expected a time such as 60s, 5m or 1h, got "soon"'],
      [['--for', '5m'], 'log-level: --for needs a level'],
      [['debug', 'info'], 'log-level: unexpected argument "info"'],
    ] as const) {
      expect(await ask('log-level', ...wrong)).toMatchObject({
        code: 2,
        err: expect.stringContaining(message),
      });
    }
  });
});

describe('a task of the workers', () => {
  it('has an error where the worker has no such task, or the argument is wrong', async () => {
    const [unknown] = await task({ name: 'fly', limitMs: 60_000 });
    expect(unknown?.error).toBe(`this worker has no task 'fly'`);
    const argument = { level: 'debug', revertAfterMs: -1 };
    const [wrong] = await task({ name: 'log-level', argument, limitMs: 60_000 });
    expect(wrong?.error).toMatch(/^log-level: expected .*milliseconds.*, got -1$/);
  });

  it('has an error as the result of a stuck worker after the limit, and results of the others', async () => {
    const [stuck, other] = await task({ name: 'log-level', limitMs: 60_000 });
    process.kill(stuck?.pid as number, 'SIGSTOP');
    try {
      expect(await task({ name: 'log-level', argument: { level: 'debug' }, limitMs: 2000 })).toEqual([
        { worker: 3, pid: stuck?.pid, error: 'no result within 2000 ms' },
        { worker: 4, pid: other?.pid, result: changed('debug') },
      ]);
    } finally {
      process.kill(stuck?.pid as number, 'SIGCONT');
    }
  });

  it('has an error as the result of a worker that dies meanwhile', async () => {
    const [dying, other] = await task({ name: 'log-level', limitMs: 60_000 });
    process.kill(dying?.pid as number, 'SIGSTOP');
    const results = task({ name: 'log-level', limitMs: 60_000 });
    // this later request has a result, so the earlier one has reached both workers
    await task({ name: 'log-level', worker: 4, limitMs: 60_000 });
    process.kill(dying?.pid as number, 'SIGKILL');
    expect(await results).toEqual([
      { worker: 3, pid: dying?.pid, error: 'the worker died' },
      { worker: 4, pid: other?.pid, result: [expect.objectContaining({ logger: 'pino' })] },
    ]);
  });
});
