import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pm2 as generatePm2 } from '../../src/deploy/targets/pm2.js';
import {
  afterwards,
  cleanUp,
  execFile,
  failures,
  folder,
  freePort,
  installed,
  managedApp,
  pidAt,
  printCounts,
  underLoad,
  until,
} from '../helpers/daemons.js';
import { plainFacts } from '../helpers/facts.js';
import { itNeeds } from '../helpers/needs.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('wrk');

let bin: string;

beforeAll(async () => {
  bin = await installed('pm2', '7');
});
afterEach(cleanUp);

interface Listed {
  readonly pid: number;
  readonly pm2_env: { readonly status: string; readonly restart_time: number };
}

/** A PM2 of its own with the app in it. */
async function start(app: object, env: NodeJS.ProcessEnv = {}, port?: number) {
  const home = folder();
  port ??= await freePort();
  const file = path.join(home, 'ecosystem.config.cjs');
  const written = {
    name: 'web',
    script: managedApp,
    interpreter: process.execPath,
    out_file: path.join(home, 'out.log'),
    error_file: path.join(home, 'err.log'),
    merge_logs: true,
    ...app,
    env: { NODE_ENV: 'production', PORT: String(port), ...env },
  };
  writeFileSync(file, `module.exports = { apps: [${JSON.stringify(written)}] }`);
  return manage(home, file, port);
}

/** A PM2 of its own with the apps of a file. */
async function manage(home: string, file: string, port: number) {
  const nodeFirst = `${path.dirname(process.execPath)}:${process.env.PATH}`;
  const call = async (more: NodeJS.ProcessEnv, ...args: string[]) => {
    const { stdout } = await execFile(bin, args, {
      env: { ...process.env, PM2_HOME: home, PATH: nodeFirst, NODE_OPTIONS: '', ...more },
    });
    return stdout;
  };
  const pm2 = Object.assign((...args: string[]) => call({}, ...args), { with: call });
  afterwards(() => pm2('kill'));
  await pm2('start', file);
  const list = async (): Promise<Listed[]> => {
    const text = await pm2('jlist');
    return JSON.parse(text.slice(text.indexOf('[')));
  };
  const read = (name: string) =>
    existsSync(path.join(home, name)) ? readFileSync(path.join(home, name), 'utf8') : '';
  // in cluster mode what is written to the descriptor itself goes where PM2's own lines go
  const log = () => read('out.log') + read('err.log') + read('pm2.log');
  return { pm2, port, list, log, read };
}

const twoWorkers = {
  exec_mode: 'cluster',
  instances: 2,
  wait_ready: true,
  listen_timeout: 10_000,
  kill_timeout: 5000,
};

it('20 reloads under load lose no request, on keep-alive and new connections', async () => {
  const { pm2, port, list } = await start(twoWorkers);
  const results = await underLoad(port, async () => {
    for (let n = 0; n < 20; n++) await pm2('reload', 'web');
  });
  printCounts('20 PM2 reloads', results);
  expect(failures(results)).toEqual([]);
  const processes = await list();
  expect(processes.map(({ pm2_env }) => pm2_env)).toEqual([
    expect.objectContaining({ status: 'online', restart_time: 20 }),
    expect.objectContaining({ status: 'online', restart_time: 20 }),
  ]);
}, 300_000);

it('the log of an app is where PM2 writes the logs of apps, the last line included', async () => {
  const { pm2, port, read } = await start(
    { ...twoWorkers, instances: 1 },
    { OPTIONS: '{"requestLogger":true}' },
  );
  await get(`http://127.0.0.1:${port}/of-the-app`);
  await until(async () => read('out.log').includes('"url":"/of-the-app"'));
  await pm2('stop', 'web');
  await until(async () => read('out.log').includes('exit 0'));
  expect(read('pm2.log')).not.toContain('/of-the-app');
});

it('the same without gracefulShutdown loses some', async () => {
  const { pm2, port } = await start(
    { ...twoWorkers, wait_ready: false, listen_timeout: 500, kill_timeout: 1600 },
    { OPTIONS: '{"gracefulShutdown":false}' },
  );
  const results = await underLoad(port, async () => {
    for (let n = 0; n < 3; n++) await pm2('reload', 'web');
  });
  printCounts('3 PM2 reloads without gracefulShutdown', results);
  expect(failures(results)).not.toEqual([]);
});

it.each(['cluster', 'fork'])('PM2 waits for readiness, not only for listen (%s mode)', async (mode) => {
  const port = await freePort();
  const started = start(
    { exec_mode: mode, wait_ready: true, listen_timeout: 20_000, kill_timeout: 3000 },
    { GATED: 'yes', EXPRESS: 'express4' },
    port,
  );
  let here = false;
  void started.then(() => {
    here = true;
  });
  await pidAt(port);
  expect(here).toBe(false);
  await get(`http://127.0.0.1:${port}/open`);
  const { pm2, list, log } = await started;
  expect((await list())[0]?.pm2_env).toMatchObject({ status: 'online', restart_time: 0 });
  await pm2('stop', 'web');
  await until(async () => log().includes('exit 0'));
});

it('crashes: the guilty request gets a 500, and PM2 starts the app again', async () => {
  const { port, list, log } = await start({ kill_timeout: 3000 });
  const before = await pidAt(port);
  const { status } = await get(`http://127.0.0.1:${port}/crash`);
  expect(status).toBe(500);
  await pidAt(port, before);
  expect((await list())[0]?.pm2_env).toMatchObject({ status: 'online', restart_time: 1 });
  await until(async () => log().includes('crashed as asked'));
});

it.each([
  ['cluster', 'SIGINT'],
  ['fork', 'SIGINT'],
  ['cluster', 'message'],
  ['fork', 'message'],
])('stops after the response to an open request (%s mode, %s)', async (mode, way) => {
  const { pm2, port, log } = await start({
    exec_mode: mode,
    kill_timeout: 4000,
    shutdown_with_message: way === 'message',
  });
  await pidAt(port);
  const slow = get(`http://127.0.0.1:${port}/slow/1000`);
  await until(async () => log().includes('arrived'));
  await pm2('stop', 'web');
  expect(await slow).toMatchObject({ status: 200, text: 'slow' });
  await until(async () => log().includes('exit 0'));
  expect(log()).toContain(way === 'message' ? 'the message shutdown: exit 0' : 'SIGINT: exit 0');
  expect(log()).not.toContain('SIGKILL');
});

it.each(['cluster', 'fork'])('knows the kill_timeout PM2 gives it (%s mode)', async (mode) => {
  const { port, log } = await start(
    { exec_mode: mode, kill_timeout: 2500 },
    { OPTIONS: '{"gracefulShutdown":{"delayMs":0,"timeoutMs":9000}}' },
  );
  await pidAt(port);
  await until(async () => log().includes('may take'));
  expect(log()).toMatch(/may take 9000 ms .*PM2 kills the process after 2500 ms/);
});

it('the boot line states whether the environment changed since the last start', async () => {
  const { pm2, port, log } = await start({});
  let pid = await pidAt(port);
  const restart = async (env: NodeJS.ProcessEnv, ...args: string[]) => {
    await pm2.with({ NODE_ENV: 'production', ...env }, 'restart', 'web', ...args);
    pid = await pidAt(port, pid);
  };
  /** The last of that many boot lines; PM2 hands them on in its own time. */
  const line = (count: number) =>
    until(async () => {
      const lines = log().match(/PM2: environment [^"]*/g) ?? [];
      return lines.length === count && lines.at(-1);
    });
  expect(await line(1)).toMatch(/environment [0-9a-f]{8}$/);
  await restart({ FEATURE: 'new' });
  expect(await line(2)).toMatch(/unchanged since the last start; `pm2 restart --update-env`/);
  await restart({ FEATURE: 'new' }, '--update-env');
  expect(await line(3)).toMatch(/changed since the last start \([0-9a-f]{8}\)$/);
});

it('without kill_timeout the drain ends within the 1.6 s PM2 gives', async () => {
  const { pm2, port, log } = await start({});
  await pidAt(port);
  const slow = get(`http://127.0.0.1:${port}/slow/60000`).catch(() => undefined);
  await until(async () => log().includes('arrived'));
  await pm2('stop', 'web');
  await slow;
  await until(async () => log().includes('exit 1'));
  expect(log()).toMatch(/closed after 1300 ms: GET \/slow\/:ms/);
  expect(log()).not.toContain('SIGKILL');
});

describe.each([
  ['fork', 'a string of arguments', 'start SCRIPT --workers 2 -- --flag x'],
  ['fork', 'a list of arguments', ['start', 'SCRIPT', '-w', '1', '--', '--flag', 'x']],
  ['cluster', 'a string of arguments', 'start SCRIPT -- --flag x'],
  ['cluster', 'a list of arguments', ['start', 'SCRIPT', '--', '--flag', 'x']],
])('express-productionize start as the script of PM2 in %s mode, with %s', (exec_mode, _, args) => {
  it('serves, reloads under load without a loss where PM2 has two processes, and stops', async () => {
    const script = path.join(__dirname, '../fixtures/start/port.cjs');
    const { pm2, port, list, log } = await start({
      ...twoWorkers,
      instances: exec_mode === 'cluster' ? 2 : 1,
      exec_mode,
      script: path.join(__dirname, '../../dist/cli.js'),
      args: Array.isArray(args)
        ? args.map((arg) => arg.replace('SCRIPT', script))
        : args.replace('SCRIPT', script),
    });
    await pidAt(port);
    const seen = await get(`http://127.0.0.1:${port}/args`);
    expect(JSON.parse(seen.text)).toEqual({ args: ['--flag', 'x'], main: true });
    expect(seen.headers).not.toHaveProperty('x-powered-by');
    if (exec_mode === 'cluster') {
      const results = await underLoad(port, async () => void (await pm2('reload', 'web')));
      expect(failures(results)).toEqual([]);
    } else {
      const before = await pidAt(port);
      await pm2('reload', 'web');
      await pidAt(port, before);
    }
    expect((await list())[0]?.pm2_env).toMatchObject({ status: 'online', restart_time: 1 });
    await pm2('stop', 'web');
    await until(async () => /SIGINT: exit 0|all workers exited/.test(log()));
    await until(async () => !(await get(`http://127.0.0.1:${port}/`).catch(() => undefined)));
  });
});

it('the generated file: a reload under load loses no request, and each process has its limits', async () => {
  const [home, port] = [folder(), await freePort()];
  const root = path.join(__dirname, '../..');
  const library = path.join(home, 'node_modules/express-productionize');
  mkdirSync(library, { recursive: true });
  symlinkSync(path.join(root, 'dist'), path.join(library, 'dist'));
  symlinkSync(path.join(root, 'node_modules/express'), path.join(home, 'node_modules/express'));
  copyFileSync(path.join(root, 'test/fixtures/deployed.mjs'), path.join(home, 'app.mjs'));
  const facts = { ...plainFacts, script: 'app.mjs', port, workers: 2, memoryBytes: 2 ** 30 };
  const [ecosystem] = generatePm2.generate(facts, {});
  const file = path.join(home, 'ecosystem.config.cjs');
  writeFileSync(file, ecosystem?.text ?? '');
  const { pm2, list } = await manage(home, file, port);
  const seen = await get(`http://127.0.0.1:${port}/inside`);
  expect(JSON.parse(seen.text).mode).toBe('production');
  expect(seen.headers).not.toHaveProperty('x-powered-by');
  const results = await underLoad(port, async () => void (await pm2('reload', 'web')));
  printCounts('a reload of the generated file by PM2', results);
  expect(failures(results)).toEqual([]);
  const limits = {
    status: 'online',
    restart_time: 1,
    kill_timeout: 15_000,
    max_memory_restart: 2 ** 29,
    wait_ready: true,
  };
  expect((await list()).map(({ pm2_env }) => pm2_env)).toEqual([
    expect.objectContaining(limits),
    expect.objectContaining(limits),
  ]);
});
