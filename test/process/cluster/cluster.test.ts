import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { io as connect, type ManagerOptions, type Socket } from 'socket.io-client';
import { Backoff } from '../../../src/process/cluster/backoff.js';
import { runCluster } from '../../../src/process/cluster/index.js';
import { chooseWorkers } from '../../../src/process/cluster/worker-count.js';
import { availableCpus } from '../../../src/support/available-cpus.js';
import {
  type ClusterProgram,
  folder,
  removeFolders,
  runFixture,
  runCluster as runProgram,
} from '../../helpers/clusters.js';
import { expressNames } from '../../helpers/express-versions.js';
import { installed } from '../../helpers/installed.js';
import { steadyLoad, wrkLoad } from '../../helpers/load.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

jest.setTimeout(60_000);

const opened = new Set<Socket>();

function open(url: string, options: Partial<ManagerOptions>): Socket {
  const socket = connect(url, options);
  opened.add(socket);
  return socket;
}

function closeSockets(): void {
  for (const socket of opened) socket.close();
  opened.clear();
}

afterEach(() => {
  closeSockets();
  killAll();
  removeFolders();
});

const ready = (program: ClusterProgram, workers: number) => program.times(/^worker \d+ is ready/, workers);
const pidOf = async (url: string): Promise<number> => JSON.parse((await get(url)).text).pid;

describe('how many workers', () => {
  const files = (content: Record<string, string>) => (file: string) => {
    const text = content[file];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };

  it('E43: a quota of 0.25 CPU chooses one worker, at the root, in a service below it, and in cgroup v1', () => {
    const groups: Record<string, string>[] = [
      { '/sys/fs/cgroup/cpu.max': '25000 100000\n' },
      {
        '/proc/self/cgroup': '0::/system.slice/app.service\n',
        '/sys/fs/cgroup/cpu.max': 'max 100000\n',
        '/sys/fs/cgroup/system.slice/app.service/cpu.max': '25000 100000\n',
      },
      {
        '/proc/self/cgroup': '0::/a/b\n',
        '/sys/fs/cgroup/a/cpu.max': '25000 100000\n',
        '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
      },
      {
        '/proc/self/cgroup': '4:memory:/x\n2:cpu,cpuacct:/docker/1\n',
        '/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us': '25000\n',
        '/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us': '100000\n',
      },
    ];
    for (const group of groups) {
      expect(chooseWorkers(undefined, undefined, () => availableCpus(files(group)))).toEqual({
        count: 1,
        reason: '0.25 CPUs available',
      });
    }
  });

  it('E43: rounds a quota down, and never below one', () => {
    expect(chooseWorkers(undefined, '', () => 3.7).count).toBe(3);
    expect(chooseWorkers(undefined, undefined, () => 0.1).count).toBe(1);
  });

  it('E43: reads WEB_CONCURRENCY, after the option and before the CPUs', () => {
    expect(chooseWorkers(undefined, '5', () => 2)).toEqual({ count: 5, reason: 'WEB_CONCURRENCY' });
    expect(chooseWorkers(3, '5', () => 2).count).toBe(3);
    for (const wrong of ['0', '-1', '2.5', 'auto', '1e9']) {
      expect(() => chooseWorkers(undefined, wrong)).toThrow(`got '${wrong}'`);
    }
  });

  it('E43: a cpuset of one CPU means one worker, and one worker means no cluster', async () => {
    const fixture = path.join(__dirname, '../../fixtures/cluster.mjs');
    const source = `import cluster from 'node:cluster'; process.argv[1] = ${JSON.stringify(fixture)}; await import(${JSON.stringify(fixture)}); console.error('workers', Object.keys(cluster.workers ?? {}).length); process.exit()`;
    const env = { ...process.env, WEB_CONCURRENCY: '', NODE_ENV: '' };
    const { stderr } = spawnSync(
      'taskset',
      ['-c', '0', process.execPath, '--input-type=module', '-e', source],
      {
        env,
        encoding: 'utf8',
      },
    );
    expect(stderr).toContain('workers 0');
  });

  it('E43: one worker serves in the process itself, with NODE_ENV=production', async () => {
    const program = runFixture({ workers: 1 }, { env: { NODE_ENV: undefined } });
    const answer = JSON.parse((await get(await program.url())).text);
    expect(answer).toEqual({ pid: program.child.pid, worker: 0, env: 'production' });
  });
});

describe('deaths', () => {
  it('E39: the wait after a death doubles up to 30 s while workers die within 5 s', () => {
    const backoff = new Backoff();
    const waits = Array.from({ length: 12 }, () => backoff.afterDeath(4999));
    expect(waits).toEqual([0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    expect([5000, 10, 10].map((uptimeMs) => backoff.afterDeath(uptimeMs))).toEqual([0, 0, 100]);
  });

  it.each(expressNames)(
    'E39: logs code, signal, uptime and last route, and forks again, on %s',
    async (express) => {
      const program = runFixture({ workers: 2 }, { express });
      await ready(program, 2);
      const url = await program.url();
      await get(`${url}/exit/7`).catch(() => undefined);
      expect(await program.logged(/died: exit code 7/)).toMatchObject({
        level: 50,
        code: 7,
        signal: null,
        uptimeMs: expect.any(Number),
        route: 'GET /exit/:code',
      });
      await ready(program, 3);
      process.kill(await pidOf(url), 'SIGKILL');
      expect(await program.logged(/died: signal SIGKILL/)).toMatchObject({ code: null, signal: 'SIGKILL' });
      await ready(program, 4);
      expect((await get(url)).status).toBe(200);
    },
  );

  it('E40: when starts in a row fail, the primary exits with code 1 and the last error', async () => {
    const broken = path.join(folder(), 'broken');
    writeFileSync(broken, '');
    const program = runFixture({ workers: 2, maxFailedStarts: 4 }, { env: { BROKEN: broken } });
    expect(await program.exit()).toEqual({ code: 1, signal: null });
    expect(program.log().at(-1)?.msg).toMatch(
      /^cluster: 4 starts in a row failed, giving up: exit code 1; its last error: Error: the new code is broken$/,
    );
  });

  it('kills and replaces a worker that does not get ready in time', async () => {
    const program = runFixture({ workers: 2, startMs: 30, maxFailedStarts: 2 });
    expect((await program.exit()).code).toBe(1);
    expect(program.log().at(-1)?.msg).toMatch(/killed: it was not ready within 30 ms/);
  });

  it('replaces a worker whose event loop hangs, and the others serve meanwhile', async () => {
    const program = runFixture({ workers: 2, stuckMs: 3000 });
    await ready(program, 2);
    const url = await program.url();
    void get(`${url}/hang`).catch(() => undefined);
    const hanging = Number((await program.line(/^hanging/)).split(' ')[1]);
    expect((await get(url)).status).toBe(200);
    expect(await program.logged(/died: killed: no heartbeat for 3000 ms/)).toMatchObject({
      workerPid: hanging,
    });
    await ready(program, 3);
  });
});

describe('reload', () => {
  it('E40: keeps the old workers when a new one does not start, fails loudly, and works once it is repaired', async () => {
    const broken = path.join(folder(), 'broken');
    const program = runFixture({ workers: 2 }, { env: { BROKEN: broken } });
    await ready(program, 2);
    const url = await program.url();
    const before = program.log().map(({ workerPid }) => workerPid);
    writeFileSync(broken, '');
    program.child.kill('SIGHUP');
    expect(await program.logged(/^reload failed/)).toMatchObject({
      level: 50,
      code: 1,
      msg: 'reload failed, 2 of 2 workers stay as they were: a new worker did not get ready (exit code 1; its last error: Error: the new code is broken)',
    });
    for (let i = 0; i < 4; i++) expect(before).toContain(await pidOf(url));
    rmSync(broken);
    program.child.kill('SIGHUP');
    await program.logged(/^reload: done/);
    for (let i = 0; i < 4; i++) expect(before).not.toContain(await pidOf(url));
  });

  it('E40: where no worker can start, a reload tries the new code at once', async () => {
    const broken = path.join(folder(), 'broken');
    writeFileSync(broken, '');
    const program = runFixture({ workers: 2, maxFailedStarts: 1000 }, { env: { BROKEN: broken } });
    await program.times(/died/, 8);
    rmSync(broken);
    program.child.kill('SIGHUP');
    await program.logged(/^reload: done/);
    expect((await get(await program.url())).status).toBe(200);
  });

  it('E42: reloads asked for during a reload become one more', async () => {
    const program = runFixture({ workers: 2 });
    await ready(program, 2);
    program.child.kill('SIGHUP');
    await program.logged(/^reload: starting/);
    const isOver = () => program.log().some(({ msg }) => msg === 'reload: done');
    for (let i = 0; i < 3 && !isOver(); i++) {
      program.child.kill('SIGHUP');
      await program.more();
    }
    await program.times(/^reload: done/, 2);
    program.child.kill('SIGTERM');
    await program.exit();
    expect(program.log().filter(({ msg }) => msg === 'reload: starting')).toHaveLength(2);
  });

  it('E42: a stop during a reload ends both', async () => {
    const program = runFixture({ workers: 2 });
    await ready(program, 2);
    program.child.kill('SIGHUP');
    await program.logged(/^reload: starting/);
    program.child.kill('SIGTERM');
    expect(await program.exit()).toEqual({ code: 0, signal: null });
  });

  it('SIGHUP to the whole group reloads, and no worker dies of it', async () => {
    const program = runFixture({ workers: 2 }, { group: true });
    await ready(program, 2);
    process.kill(-(program.child.pid as number), 'SIGHUP');
    await program.logged(/^reload: done/);
    expect(program.log().filter(({ msg }) => /died/.test(String(msg)))).toEqual([]);
  });

  const rounds = 20;
  const quiet = { requestLogger: false };

  /** Reloads under the load of two kinds of clients, kept alive and not, and counts what failed. */
  async function reloadUnderLoad(program: ClusterProgram, times: number) {
    await ready(program, 2);
    const url = await program.url();
    const loads = [steadyLoad(url, { keepAlive: true }), steadyLoad(url, { keepAlive: false })];
    let reloading = true;
    const wrk = (async () => {
      const results = [];
      while (reloading) results.push(await wrkLoad(url, 2));
      return results;
    })();
    for (let round = 1; round <= times; round++) {
      program.child.kill('SIGHUP');
      await program.times(/^reload: done/, round);
    }
    reloading = false;
    const results = [...(await Promise.all(loads.map((load) => load.stop()))), ...(await wrk)];
    const answered = results.reduce((sum, result) => sum + result.answered, 0);
    const failures = results.flatMap((result) => result.failures);
    return { answered, failures };
  }

  it.each(expressNames)(
    `E41: ${rounds} rolling reloads under load lose no request, on %s`,
    async (express) => {
      const { answered, failures } = await reloadUnderLoad(
        runFixture({ workers: 2 }, { express, app: quiet }),
        rounds,
      );
      console.info(`${rounds} reloads, ${express}: ${answered} answered, ${failures.length} failed`);
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(1000);
    },
    180_000,
  );

  it('E41: nor do reloads where the workers accept for themselves', async () => {
    const env = { NODE_CLUSTER_SCHED_POLICY: 'none' };
    const { answered, failures } = await reloadUnderLoad(runFixture({ workers: 2 }, { app: quiet, env }), 5);
    console.info(`5 reloads, workers accept: ${answered} answered, ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(1000);
  });

  it('E41: the same load loses requests when the drain is off', async () => {
    const app = { ...quiet, gracefulShutdown: false };
    const { answered, failures } = await reloadUnderLoad(
      runFixture({ workers: 2, drainMs: 300 }, { app }),
      3,
    );
    console.info(`3 reloads without the drain: ${answered} answered, ${failures.length} failed`);
    expect(failures.length).toBeGreaterThan(0);
  });
});

describe('ends', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'E37: %s to the whole group lets a request of 1 s finish',
    async (signal) => {
      const program = runFixture({ workers: 2 }, { group: true });
      await ready(program, 2);
      const slow = get(`${await program.url()}/slow/1000`);
      await program.line(/^slow arrived/);
      process.kill(-(program.child.pid as number), signal);
      expect((await slow).text).toBe('slow is done');
      expect(await program.exit()).toEqual({ code: 0, signal: null });
      expect(program.log().at(-1)).toMatchObject({ msg: 'cluster: all workers left', clean: true });
    },
  );

  it('kills a worker that does not leave in time, says so, and exits with code 1', async () => {
    const program = runFixture({ workers: 2, drainMs: 500 });
    await ready(program, 2);
    const slow = get(`${await program.url()}/slow/20000`).catch((error) => error.code);
    await program.line(/^slow arrived/);
    program.child.kill('SIGTERM');
    expect((await program.exit()).code).toBe(1);
    expect(await slow).toBe('ECONNRESET');
    expect(program.log().map(({ msg }) => msg)).toContainEqual(
      expect.stringMatching(/did not drain: killed: it did not leave within 500 ms/),
    );
  });

  it('a second SIGTERM changes nothing, a third ends it now', async () => {
    const program = runFixture({ workers: 2 });
    await ready(program, 2);
    const slow = get(`${await program.url()}/slow/9000`).catch((error) => error.code);
    await program.line(/^slow arrived/);
    program.child.kill('SIGTERM');
    await program.logged(/SIGTERM, draining 2 workers/);
    program.child.kill('SIGTERM');
    await program.logged(/worker \d left/);
    program.child.kill('SIGTERM');
    expect((await program.exit()).code).toBe(1);
    expect(await slow).toBe('ECONNRESET');
    expect(program.log().at(-1)?.msg).toBe('cluster: SIGTERM again, ending now');
  });

  it('workers finish what they have when the primary is killed', async () => {
    const program = runFixture({ workers: 2 });
    await ready(program, 2);
    const pids = program.log().flatMap(({ workerPid }) => (workerPid ? [workerPid as number] : []));
    const slow = get(`${await program.url()}/slow/1000`);
    await program.line(/^slow arrived/);
    program.child.kill('SIGKILL');
    expect((await slow).text).toBe('slow is done');
    // `close` comes when the last worker has let go of stdout
    await program.exit();
    for (const pid of pids) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
  });

  it('ends with the terminal it was started in, where SIGHUP means that and not a reload', async () => {
    const node = [
      process.execPath,
      path.join(__dirname, '../../fixtures/cluster.mjs'),
      'express',
      '{"workers":2}',
    ];
    const quoted = node.map((word) => `'${word}'`).join(' ');
    const log = path.join(folder(), 'log');
    const env = {
      ...process.env,
      NODE_ENV: 'production',
      EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: folder(),
    };
    const terminal = spawn('script', ['-qfc', `${quoted} > '${log}'`, '/dev/null'], { env, stdio: 'pipe' });
    const shown = createInterface({ input: terminal.stdout });
    for await (const line of shown) if (line.startsWith('listening')) break;
    const pid = Number(JSON.parse(readFileSync(log, 'utf8').split('\n', 1)[0] as string).pid);
    terminal.kill('SIGKILL');
    while (!readFileSync(log, 'utf8').includes('all workers left')) await setTimeout(20);
    expect(readFileSync(log, 'utf8')).toContain('the terminal was closed, draining');
    while (existsSync(`/proc/${pid}/exe`)) await setTimeout(20);
  });

  it('under kill -9 of a worker only its requests in flight fail, and a new one serves within a second', async () => {
    const program = runFixture({ workers: 2 }, { app: { requestLogger: false } });
    await ready(program, 2);
    const url = await program.url();
    const loads = [true, false].map((keepAlive) => steadyLoad(url, { keepAlive, pauseMs: 5 }));
    await Promise.all(loads.map((load) => load.answered(200)));
    // a machine with other work adds to it, and never takes away
    let kills = 0;
    let replacedInMs = Number.POSITIVE_INFINITY;
    while (kills < 3 && replacedInMs >= 1000) {
      const victim = await pidOf(url);
      const killedAt = performance.now();
      process.kill(victim, 'SIGKILL');
      kills += 1;
      await ready(program, 2 + kills);
      replacedInMs = Math.min(replacedInMs, Math.round(performance.now() - killedAt));
      await Promise.all(loads.map((load) => load.answered(200)));
    }
    const [kept, fresh] = await Promise.all(loads.map((load) => load.stop()));
    const failures = [...(kept?.failures ?? []), ...(fresh?.failures ?? [])];
    console.info(`kill -9: ${failures.length} failed of those in flight, replaced in ${replacedInMs} ms`);
    // 3 clients of each kind have one request each in flight
    expect(failures.length).toBeLessThanOrEqual(6 * kills);
    expect(new Set(failures)).toEqual(failures.length > 0 ? new Set(['ECONNRESET']) : new Set());
    expect(replacedInMs).toBeLessThan(1000);
  });

  it.each(expressNames)(
    'a worker that throws in a timer leaves after its replacement is ready, on %s',
    async (express) => {
      const program = runFixture({ workers: 2 }, { express });
      await ready(program, 2);
      const url = await program.url();
      const slow = Promise.all([get(`${url}/slow/700`), get(`${url}/slow/700`)]);
      await program.line(/^slow arrived/);
      expect((await get(`${url}/die`)).status).toBe(500);
      expect((await slow).map(({ text }) => text)).toEqual(['slow is done', 'slow is done']);
      await program.logged(/died: exit code 1/);
      const story = program.log().map(({ msg }) => String(msg));
      const at = (message: RegExp) => story.findIndex((line) => message.test(line));
      expect(at(/is dying of an error/)).toBeGreaterThan(0);
      expect(at(/^worker 3 is ready/)).toBeGreaterThan(at(/is dying of an error/));
      expect(at(/died: exit code 1/)).toBeGreaterThan(at(/^worker 3 is ready/));
      expect(await program.logged(/died: exit code 1/)).toMatchObject({
        route: 'GET /die',
        error: expect.stringContaining('escaped from a timer'),
      });
    },
  );
});

it('sets NODE_ENV to production for workers where it is missing, and keeps it where it is set', async () => {
  for (const [given, expected] of [
    [undefined, 'production'],
    ['staging', 'staging'],
  ]) {
    const program = runFixture({ workers: 2 }, { env: { NODE_ENV: given } });
    expect(JSON.parse((await get(await program.url())).text).env).toBe(expected);
    killAll();
  }
});

describe('what breaks with several workers', () => {
  it('E53: warns once, with the stores to use, about sessions in memory', async () => {
    const program = runFixture({ workers: 2 }, { env: { SESSIONS: '1' } });
    await ready(program, 2);
    const url = await program.url();
    for (let i = 0; i < 4; i++) await get(url);
    expect(await program.line(/ERR_PRODUCTIONIZE_CLUSTER_SESSIONS/)).toMatch(
      /2 workers share nothing.*connect-redis/,
    );
    program.child.kill('SIGTERM');
    await program.exit();
    expect(program.err.filter((line) => line.includes('CLUSTER_SESSIONS'))).toHaveLength(1);
  });

  it('E53: warns about a rate limit in memory, and not about one that is counted elsewhere', async () => {
    const env = { RATE_LIMIT: installed('express-rate-limit', '8') };
    const program = runFixture({ workers: 2 }, { env });
    await ready(program, 2);
    const url = await program.url();
    for (let i = 0; i < 4; i++) await get(`${url}/limited`);
    expect(await program.line(/ERR_PRODUCTIONIZE_CLUSTER_RATE_LIMIT/)).toMatch(/rate-limit-redis/);
    killAll();

    const elsewhere = runFixture({ workers: 2 }, { env: { ...env, ELSEWHERE: '1' } });
    await ready(elsewhere, 2);
    for (let i = 0; i < 4; i++) await get(`${await elsewhere.url()}/elsewhere`);
    elsewhere.child.kill('SIGTERM');
    await elsewhere.exit();
    expect(elsewhere.err.join()).not.toContain('RATE_LIMIT');
  });

  it('says nothing where there is nothing to say', async () => {
    const program = runFixture({ workers: 2 });
    await ready(program, 2);
    for (let i = 0; i < 4; i++) await get(await program.url());
    program.child.kill('SIGTERM');
    await program.exit();
    expect(program.err.join()).not.toContain('ERR_');
  });

  it('E71: socket.io polling without stickiness names three choices', async () => {
    const program = runProgram('cluster-socket.mjs', { args: ['round-robin'] });
    await ready(program, 2);
    open(await program.url(), { transports: ['polling'] });
    expect(await program.line(/ERR_PRODUCTIONIZE_CLUSTER_POLLING/)).toMatch(
      /transports: \['websocket'\] only; a proxy that hashes .*; or the option `sticky` of runCluster/,
    );
  });

  it('E71: with sticky, clients that poll keep their session, and reach another worker over a reload', async () => {
    const program = runProgram('cluster-socket.mjs', { args: ['sticky'] });
    await ready(program, 2);
    const { port } = await program.logged(/^cluster: the primary listens/);
    const url = `http://127.0.0.1:${port}`;
    // one after the other: the module chooses the worker with the fewest sessions it knows of
    const sockets: Socket[] = [];
    for (let i = 0; i < 6; i++) {
      const socket = open(url, { transports: ['polling'], forceNew: true, reconnectionDelay: 50 });
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      sockets.push(socket);
    }
    const askAll = () =>
      Promise.all(sockets.map((socket) => socket.timeout(10_000).emitWithAck('who', 'x'.repeat(5000))));
    const before = (await askAll()) as { pid: number; bytes: number }[];
    expect(before.every(({ bytes }) => bytes === 5000)).toBe(true);
    expect(new Set(before.map(({ pid }) => pid)).size).toBe(2);
    // the same session, the same worker
    expect(await askAll()).toEqual(before);

    const again = sockets.map((socket) => new Promise((resolve) => socket.io.once('reconnect', resolve)));
    program.child.kill('SIGHUP');
    await program.logged(/^reload: done/);
    await Promise.all(again);
    const after = (await askAll()) as { pid: number }[];
    const old = before.map(({ pid }) => pid);
    for (const { pid } of after) expect(old).not.toContain(pid);
    // plain requests go through the primary, too
    expect((await get(url)).text).toBe('plain');
    closeSockets();
    program.child.kill('SIGTERM');
    expect((await program.exit()).code).toBe(0);
    expect(program.err.join()).not.toContain('POLLING');
  });

  it('a sticky `start` that returns no socket.io server is an error that says so', async () => {
    const program = runProgram('cluster-socket.mjs', { args: ['wrong'] });
    expect((await program.exit()).code).toBe(1);
    expect(program.log().at(-1)?.lastError).toMatch(/expected `start` to return the socket.io server/);
  });
});

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
    [{ logger: console.log }, '`logger` to be a logger with `info`, `warn` and `error`'],
  ])('throws for %p', async (options, message) => {
    await expect(runCluster(() => {}, options as never)).rejects.toThrow(message);
  });
});
