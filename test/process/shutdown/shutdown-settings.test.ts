import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gracefulShutdown, onShutdown } from '../../../src/index.js';
import { stopTimeoutMs } from '../../../src/process/orchestrator/systemd-unit.js';
import { resolveShutdown } from '../../../src/process/shutdown/shutdown-settings.js';
import { cleanUp } from '../../helpers/shutdowns.js';

afterEach(cleanUp);

describe('gracefulShutdown', () => {
  it.each([
    ['an unknown manager', {}, { delayMs: 0, timeoutMs: 9500 }],
    ['PM2', { pm_id: '0' }, { delayMs: 0, timeoutMs: 1300 }],
    ['PM2 with a kill_timeout', { pm_id: '0', kill_timeout: '8000' }, { delayMs: 0, timeoutMs: 7600 }],
    ['Kubernetes', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, { delayMs: 5000, timeoutMs: 24_000 }],
    ['ECS', { ECS_CONTAINER_METADATA_URI_V4: 'http://x' }, { delayMs: 5000, timeoutMs: 24_000 }],
    [
      'Kubernetes in development',
      { KUBERNETES_SERVICE_HOST: '10.0.0.1', NODE_ENV: 'development' },
      { delayMs: 0, timeoutMs: 29_000 },
    ],
    ['an unknown manager in development', { NODE_ENV: 'development' }, { delayMs: 0, timeoutMs: 500 }],
    ['PM2 in development', { pm_id: '0', NODE_ENV: 'development' }, { delayMs: 0, timeoutMs: 1300 }],
  ])('delay and budget fit the grace of %s', (_name, environment, expected) => {
    const before = { ...process.env };
    for (const name of [
      'pm_id',
      'KUBERNETES_SERVICE_HOST',
      'ECS_CONTAINER_METADATA_URI_V4',
      'INVOCATION_ID',
    ]) {
      delete process.env[name];
    }
    Object.assign(process.env, { NODE_ENV: 'production' }, environment);
    try {
      expect(resolveShutdown()).toMatchObject(expected);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  it.each([
    ['TimeoutStopSec=20', 20_000],
    ['TimeoutSec = 1min 30s', 90_000],
    ['TimeoutStopSec=5\nTimeoutStopSec=500ms', 500],
    ['TimeoutStopSec=infinity', undefined],
    ['# TimeoutStopSec=7', undefined],
  ])('knows the grace of the systemd unit it runs in (%j)', (line, expected) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'unit-'));
    writeFileSync(path.join(folder, 'web@.service'), `[Service]\nExecStart=node app.js\n${line}\n`);
    const cgroup = '4:memory:/\n1:name=systemd:/system.slice/web@3001.service\n0::/\n';
    expect(stopTimeoutMs([folder], cgroup)).toBe(expected);
    expect(stopTimeoutMs([folder], '0::/user.slice/session-1.scope\n')).toBeUndefined();
  });

  it('throws for what is no server, and for unknown options', () => {
    expect(() => gracefulShutdown({} as never)).toThrow(
      /expected a server or an array of servers, got an empty object/,
    );
    expect(() => gracefulShutdown([])).toThrow(/ERR_PRODUCTIONIZE_SERVER/);
    expect(() => gracefulShutdown(http.createServer(), { delay: 5 } as never)).toThrow(
      /unknown option 'delay'/,
    );
    expect(() => onShutdown('pool' as never)).toThrow(/expected `hook` to be a function/);
  });

  it('has nothing attached after uninstall', async () => {
    const server = http.createServer((_req, res) => res.end());
    const traces = () => [
      ...['SIGTERM', 'SIGINT', 'message'].map((name) => process.listenerCount(name)),
      ...server.eventNames().map((name) => `${String(name)} ${server.listenerCount(name)}`),
      Object.getOwnPropertyNames(server).length,
    ];
    const before = traces();
    const { uninstall } = gracefulShutdown(server);
    expect(traces()).not.toEqual(before);
    uninstall();
    expect(traces()).toEqual(before);
  });
});
