import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cleanUp, freePort, managedApp, pidAt, until } from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { get } from '../helpers/serve.js';
import { startUserManager, type UserManager } from '../helpers/user-manager.js';

const it = itNeeds('systemd', 'systemctl', 'unshare', 'wrk');

afterEach(cleanUp);

const guide = readFileSync(path.join(__dirname, '../../docs/process-managers.md'), 'utf8');
/** The wrapper that the guide recommends, up to the program it runs. */
const wrapper = /^ExecStart=(\/usr\/bin\/perl .*') /m.exec(guide)?.[1];
const plain = `${process.execPath} ${managedApp}`;

const starts = [
  ['a descriptor', `${wrapper} ${plain}`],
  ['systemd-notify', plain],
] as const;

function service(command: string, env: Record<string, string | number>, more = ''): string {
  const variables = Object.entries({ NODE_ENV: 'production', NODE_OPTIONS: '', ...env });
  return `[Service]
Type=notify
StandardOutput=append:%t/log
StandardError=append:%t/log
NotifyAccess=${command === plain ? 'all' : 'main'}
${variables.map(([name, value]) => `Environment='${name}=${value}'`).join('\n')}
${more}
ExecStart=${command}
`;
}

const becomes = (manager: UserManager, property: string, value: string) =>
  until(async () => (await manager.show('app', property)) === value);

it('the guide has the wrapper that these tests run', () => {
  expect(wrapper).toContain('EXPRESS_PRODUCTIONIZE_NOTIFY_FD');
});

it.each(starts)('READY=1 follows readiness, and a status can be set (by %s)', async (_how, command) => {
  const port = await freePort();
  const manager = await startUserManager({ 'app.service': service(command, { PORT: port, GATED: 'yes' }) });
  await manager.systemctl('start', '--no-block', 'app');
  const pid = await pidAt(port);
  expect(await manager.show('app', 'ActiveState')).toBe('activating');
  await get(`http://127.0.0.1:${port}/open`);
  await becomes(manager, 'ActiveState', 'active');
  expect(await manager.show('app', 'StatusText')).toBe(`listening on port ${port}`);
  expect(await manager.show('app', 'MainPID')).toBe(pid);
  await get(`http://127.0.0.1:${port}/status/warming%20up`);
  await becomes(manager, 'StatusText', 'warming up');
  const env = JSON.parse((await get(`http://127.0.0.1:${port}/env`)).text);
  for (const name of ['NOTIFY_SOCKET', 'EXPRESS_PRODUCTIONIZE_NOTIFY_FD', 'WATCHDOG_USEC']) {
    expect(env).not.toHaveProperty(name);
  }
});

it.each(starts)(
  'STOPPING=1 at the signal, and a drain longer than TimeoutStopSec is waited for (by %s)',
  async (_how, command) => {
    const port = await freePort();
    const options = JSON.stringify({ gracefulShutdown: { timeoutMs: 9000 } });
    const manager = await startUserManager({
      'app.service': service(command, { PORT: port, OPTIONS: options }, 'TimeoutStopSec=1'),
    });
    await manager.systemctl('start', 'app');
    const slow = get(`http://127.0.0.1:${port}/slow/3000`);
    await until(async () => manager.log().includes('arrived'));
    await manager.systemctl('stop', '--no-block', 'app');
    await becomes(manager, 'StatusText', 'SIGTERM: draining');
    expect(await manager.show('app', 'ActiveState')).toBe('deactivating');
    expect(await slow).toMatchObject({ status: 200, text: 'slow' });
    await becomes(manager, 'ActiveState', 'inactive');
    expect(await manager.show('app', 'Result')).toBe('success');
  },
);

it.each(starts)(
  'the watchdog gets beats while the loop turns, and restarts a process that hangs (by %s)',
  async (_how, command) => {
    const port = await freePort();
    const manager = await startUserManager({
      'app.service': service(
        command,
        { PORT: port },
        'WatchdogSec=2\nWatchdogSignal=SIGKILL\nRestart=always\nRestartSec=0',
      ),
    });
    await manager.systemctl('start', 'app');
    const pid = await pidAt(port);
    const beats = new Set<string>();
    await until(async () => beats.add(await manager.show('app', 'WatchdogTimestampMonotonic')).size > 4);
    expect(await manager.show('app', 'NRestarts')).toBe('0');
    const blocked = get(`http://127.0.0.1:${port}/block`);
    await expect(blocked).rejects.toThrow();
    await pidAt(port, pid);
    expect(await manager.show('app', 'NRestarts')).toBe('1');
  },
);

it('warns when the drain may outlast the TimeoutStopSec of the unit and its drop-ins', async () => {
  const port = await freePort();
  const options = JSON.stringify({ gracefulShutdown: { timeoutMs: 9000 } });
  const silent = service(plain, { PORT: port, OPTIONS: options }, 'TimeoutStopSec=9\nType=simple').replace(
    'NotifyAccess=all',
    'NotifyAccess=none',
  );
  const manager = await startUserManager({
    'app.service': silent,
    'app.service.d/50-less.conf': '[Service]\nTimeoutStopSec=4\n',
  });
  await manager.systemctl('start', 'app');
  await pidAt(port);
  expect(manager.log()).toMatch(/may take 9000 ms .*systemd kills the process after 4000 ms/);
});

it('crashes: the guilty request gets a 500, and systemd starts the app again', async () => {
  const port = await freePort();
  const manager = await startUserManager({
    'app.service': service(plain, { PORT: port, EXPRESS: 'express4' }, 'Restart=always\nRestartSec=0'),
  });
  await manager.systemctl('start', 'app');
  const pid = await pidAt(port);
  expect((await get(`http://127.0.0.1:${port}/crash`)).status).toBe(500);
  await pidAt(port, pid);
  expect(await manager.show('app', 'NRestarts')).toBe('1');
});

it('the primary notifies systemd for a cluster, and its workers do not', async () => {
  const port = await freePort();
  const manager = await startUserManager({
    'app.service': service(starts[0][1], { PORT: port, WORKERS: 2 }, 'WatchdogSec=5'),
  });
  await manager.systemctl('start', 'app');
  expect(await manager.show('app', 'StatusText')).toBe('2 of 2 workers ready');
  expect(await manager.show('app', 'MainPID')).not.toBe(await pidAt(port));
  await manager.systemctl('stop', 'app');
  expect(await manager.show('app', 'Result')).toBe('success');
});

/** 60 new connections per second until `work` is done, and 100 at least. */
async function arriving(port: number, work: () => Promise<void>) {
  const failures: string[] = [];
  let answered = 0;
  let over = false;
  const open = new Set<Promise<void>>();
  const send = () =>
    new Promise<void>((resolve) => {
      const fail = (error: NodeJS.ErrnoException) => {
        failures.push(error.code ?? error.message);
        resolve();
      };
      const req = http.get({ port, host: '127.0.0.1', agent: false }, (res) => {
        res.resume().once('error', fail);
        res.once('end', () => {
          if (res.statusCode === 200) answered++;
          else failures.push(`status ${res.statusCode}`);
          resolve();
        });
      });
      req.once('error', fail);
    });
  const clients = (async () => {
    while (!over || open.size < 100) {
      open.add(send());
      await delay(1000 / 60);
    }
  })();
  await work();
  over = true;
  await clients;
  await Promise.all(open);
  return { answered, failures };
}

describe.each([
  ['one process', 1],
  ['a cluster', 2],
])('restarts under 60 new connections a second (%s)', (kind, workers) => {
  const restarts = (manager: UserManager) => async () => {
    for (let n = 0; n < 3; n++) await manager.systemctl('restart', 'app');
  };

  it('with a socket of systemd none is refused, and PORT is not opened', async () => {
    const [port, other] = [await freePort(), await freePort()];
    const manager = await startUserManager({
      'app.socket': `[Socket]\nListenStream=127.0.0.1:${port}\n`,
      'app.service': service(plain, { PORT: other, WORKERS: workers }, 'Sockets=app.socket'),
    });
    await manager.systemctl('start', 'app.socket');
    await pidAt(port);
    const { answered, failures } = await arriving(port, restarts(manager));
    process.stdout.write(
      `3 restarts, ${kind}, socket activation: ${answered} answered, ${failures.length} failed\n`,
    );
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThanOrEqual(100);
    await expect(get(`http://127.0.0.1:${other}/`)).rejects.toThrow('ECONNREFUSED');
    const env = JSON.parse((await get(`http://127.0.0.1:${port}/env`)).text);
    expect(Object.keys(env).filter((name) => name.includes('LISTEN_'))).toEqual([]);
  });

  it('without it some are refused', async () => {
    const port = await freePort();
    const manager = await startUserManager({
      'app.service': service(plain, { PORT: port, WORKERS: workers }),
    });
    await manager.systemctl('start', 'app');
    const { answered, failures } = await arriving(port, restarts(manager));
    process.stdout.write(`3 restarts, ${kind}, no socket: ${answered} answered, ${failures.length} failed\n`);
    expect(failures).toContain('ECONNREFUSED');
  });
});
