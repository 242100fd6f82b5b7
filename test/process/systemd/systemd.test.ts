import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gracefulShutdown } from '../../../src/index.js';
import { stopTimeoutMs } from '../../../src/process/orchestrator/systemd-unit.js';
import { inheritedSockets, notifySystemd } from '../../../src/process/systemd/index.js';

let home: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'notify-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

it('what was taken from the environment is put back by uninstall', async () => {
  const server = http.createServer().listen(0);
  await once(server, 'listening');
  process.env.NOTIFY_SOCKET = '/nowhere';
  process.env.WATCHDOG_USEC = '60000000000';
  try {
    const { uninstall } = gracefulShutdown(server, { ready: false });
    expect(process.env.NOTIFY_SOCKET).toBeUndefined();
    uninstall();
    expect(process.env).toMatchObject({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '60000000000' });
  } finally {
    delete process.env.NOTIFY_SOCKET;
    delete process.env.WATCHDOG_USEC;
    server.close();
  }
});

it('drop-ins count, sorted by name, those of the stronger directory first', () => {
  const [strong, weak] = [path.join(home, 'etc'), path.join(home, 'usr')];
  const write = (file: string, line: string) => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `[Service]\n${line}\n`);
  };
  const grace = () => stopTimeoutMs([strong, weak], '0::/system.slice/web@1.service\n');
  write(path.join(weak, 'web@.service'), 'TimeoutStopSec=10');
  expect(grace()).toBe(10_000);
  write(path.join(weak, 'web@.service.d/10-own.conf'), 'TimeoutStopSec=20');
  expect(grace()).toBe(20_000);
  write(path.join(strong, 'web@.service.d/10-own.conf'), 'TimeoutStopSec=30');
  expect(grace()).toBe(30_000);
  write(path.join(strong, 'web@1.service.d/20-more.conf'), 'TimeoutStopSec=40');
  write(path.join(strong, 'web@1.service.d/30-none.txt'), 'TimeoutStopSec=50');
  expect(grace()).toBe(40_000);
  write(path.join(strong, 'web@1.service.d/40-never.conf'), 'TimeoutStopSec=infinity');
  expect(grace()).toBeUndefined();
});

it.each([{ STATUS: 'two\nlines' }, { 'MAIN PID': '1' }, { STATUS: 1 }, {}, null])(
  'notifySystemd refuses %j',
  (fields) => {
    expect(() => notifySystemd(fields as never)).toThrow(
      /notifySystemd: expected .*ERR_PRODUCTIONIZE_OPTION/,
    );
  },
);

it('notifySystemd and inheritedSockets return that there is no service manager', () => {
  expect(notifySystemd({ STATUS: 'alone' })).toBe(false);
  expect(inheritedSockets()).toEqual([]);
});
