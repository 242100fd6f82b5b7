import { execFile as execFileWithCallback } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { isExpressApp } from '../../src/preload/express-app.js';
import { distrust, makeRuntimeDir, runtimeDirs } from '../../src/process/cluster/runtime-dir.js';
import { type ClusterProgram, folder, removeFolders, runCluster } from '../helpers/clusters.js';
import { expressNames, expressVersions } from '../helpers/express-versions.js';
import { installed } from '../helpers/installed.js';
import { steadyLoad, wrkLoad } from '../helpers/load.js';
import { killAll } from '../helpers/program.js';
import { get } from '../helpers/serve.js';

jest.setTimeout(60_000);

afterEach(() => {
  killAll();
  removeFolders();
});

const program = path.join(__dirname, '../../dist/cli.js');
const app = (name: string) => path.join(__dirname, '../fixtures/start', name);

interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command to its end. */
function cli(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Done> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', ...env } };
    execFileWithCallback(process.execPath, [program, ...args], options, (error, out, err) => {
      resolve({ code: Number(error?.code ?? 0), out, err });
    });
  });
}

/** A cluster that `start` runs, and the folder of its control socket. */
function start(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const dir = folder();
  const cluster = runCluster(program, {
    args: ['start', script, ...args],
    env: { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: dir, ...env },
  });
  return { cluster, dir, ask: (...command: string[]) => cli([...command, '--runtime-dir', dir]) };
}

const ready = (cluster: ClusterProgram, workers: number) => cluster.times(/^worker \d+ is ready/, workers);

describe('start', () => {
  describe.each(expressNames)('on %s', (express) => {
    it.each(['listen.cjs', 'named.mjs', 'www.cjs'])(
      'runs %s, productionized, in a cluster',
      async (script) => {
        const { cluster } = start(app(script), ['-w', '2', '--', '--flag', 'x'], {
          EXPRESS: express,
          NODE_ENV: undefined,
        });
        await ready(cluster, 2);
        const url = await cluster.url();
        const answers = await Promise.all([get(url), get(url), get(url), get(url)]);
        const bodies = answers.map(({ text }) => JSON.parse(text));
        expect(new Set(bodies.map(({ pid }) => pid)).size).toBe(2);
        expect(bodies[0]).toMatchObject({ env: 'production', args: ['--flag', 'x'] });
        expect(answers[0]?.headers).not.toHaveProperty('x-powered-by');
        const failed = await get(`${url}/rejects`, { headers: { accept: 'application/json' } });
        expect([failed.status, failed.headers['content-type']]).toEqual([500, 'application/problem+json']);
        expect(failed.text).not.toContain('secret');
        const line = await cluster.logged(/^GET \/rejects 500/);
        expect(line).toMatchObject({ route: '/rejects', err: { message: 'secret' } });
        cluster.child.kill('SIGTERM');
        expect(await cluster.exit()).toEqual({ code: 0, signal: null });
      },
    );
  });

  it('keeps what an app that productionizes itself has chosen', async () => {
    const { cluster } = start(app('itself.mjs'), ['-w', '2']);
    await ready(cluster, 2);
    const parts: { name: string; state: string }[] = JSON.parse((await get(await cluster.url())).text);
    expect(parts.find(({ name }) => name === 'compression')).toMatchObject({ state: 'off' });
    expect(parts.find(({ name }) => name === 'requestLogger')).toMatchObject({ state: 'on' });
  });

  it('says so where a function hides the app', async () => {
    const { cluster } = start(app('around.mjs'), ['-w', '2']);
    await ready(cluster, 2);
    expect((await get(await cluster.url())).text).toBe('around');
    expect(await cluster.line(/ERR_PRODUCTIONIZE_PRELOAD/)).toContain('call productionize(app)');
  });

  it('E43: with one worker runs the script in its own process, as the main module', async () => {
    const { cluster } = start(app('listen.cjs'), ['--workers', '1', '--', 'y']);
    const url = await cluster.url();
    expect(JSON.parse((await get(url)).text)).toEqual({
      pid: cluster.child.pid,
      env: 'production',
      args: ['y'],
    });
    await cluster.logged(/^GET \/ 200/);
    cluster.child.kill('SIGTERM');
    expect(await cluster.exit()).toEqual({ code: 0, signal: null });
  });

  it('E43: reads WEB_CONCURRENCY', async () => {
    const { cluster } = start(app('listen.cjs'), [], { WEB_CONCURRENCY: '3' });
    await ready(cluster, 3);
    expect(cluster.log()[0]).toMatchObject({ workers: 3, msg: 'cluster: 3 workers (WEB_CONCURRENCY)' });
  });

  it('the preload takes nothing else for an app, and puts back what it replaces', async () => {
    for (const [, express] of expressVersions) {
      expect([express(), express.Router(), () => {}, {}, null].map(isExpressApp)).toEqual([
        true,
        false,
        false,
        false,
        false,
      ]);
    }
    const undone = runCluster('start/undo.mjs');
    await undone.exit();
    expect(undone.out).toEqual(['replaced 9 of 9, back 9']);
  });
});

describe('apps from npm that nobody here wrote, untouched', () => {
  /** Reloads under load, and what failed. */
  async function reloadUnderLoad(
    cluster: ClusterProgram,
    ask: (command: string) => Promise<Done>,
    url: string,
  ) {
    const loads = [true, false].map((keepAlive) => steadyLoad(url, { keepAlive, pauseMs: 2 }));
    const wrk = wrkLoad(url, 2);
    const done = [await ask('reload'), await ask('reload')];
    const results = [await wrk, ...(await Promise.all(loads.map((load) => load.stop())))];
    expect(done.map(({ out }) => out)).toEqual(Array(2).fill('reloaded: 2 workers replaced\n'));
    await ready(cluster, 6);
    return {
      answered: results.reduce((sum, { answered }) => sum + answered, 0),
      failures: results.flatMap(({ failures }) => failures),
    };
  }

  const freePort = async (): Promise<number> => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  };

  it('json-server by its own command: serves from two workers, logs, and loses nothing over reloads', async () => {
    const db = path.join(folder(), 'db.json');
    writeFileSync(db, JSON.stringify({ people: [{ id: 1, name: 'Ada' }] }));
    const port = await freePort();
    const bin = require.resolve('json-server/lib/cli/bin.js');
    const { cluster, ask } = start(bin, [
      '-w',
      '2',
      '--',
      db,
      '--port',
      String(port),
      '--host',
      '127.0.0.1',
      '--quiet',
    ]);
    await ready(cluster, 2);
    const url = `http://127.0.0.1:${port}/people/1`;
    expect(JSON.parse((await get(url)).text)).toEqual({ id: 1, name: 'Ada' });
    await cluster.logged(/^GET \/people\/:id 200/);
    const { answered, failures } = await reloadUnderLoad(cluster, ask, url);
    console.info(`json-server: 2 reloads, ${answered} answered, ${failures.length} failed`);
    expect(failures).toEqual([]);
    cluster.child.kill('SIGTERM');
    expect(await cluster.exit()).toEqual({ code: 0, signal: null });
  });

  it('Verdaccio, on Express 5: the same', async () => {
    const script = path.join(__dirname, '../fixtures/real-verdaccio.mjs');
    const home = installed('@verdaccio/server', '9.0.0-next-9.31');
    const { cluster, ask } = start(script, ['-w', '2', '--', 'plain', home, folder()]);
    await ready(cluster, 2);
    const url = `${await cluster.url()}/-/ping`;
    expect((await get(url)).status).toBe(200);
    await cluster.logged(/^GET \/-\/ping 200/);
    const { answered, failures } = await reloadUnderLoad(cluster, ask, url);
    console.info(`Verdaccio: 2 reloads, ${answered} answered, ${failures.length} failed`);
    expect(failures).toEqual([]);
    cluster.child.kill('SIGTERM');
    expect(await cluster.exit()).toEqual({ code: 0, signal: null });
  }, 120_000);
});

describe('the control socket', () => {
  it('status, scale, reload and stop do what they say', async () => {
    const { cluster, ask } = start(app('listen.cjs'), ['-w', '2']);
    await ready(cluster, 2);
    const status = await ask('status');
    expect(status).toMatchObject({ code: 0, err: '' });
    expect(status.out).toMatch(
      /^cluster \d+ {2}\S*listen\.cjs {2}up [\d.]+ s {2}2 of 2 ready {2}0 died\n {2}worker {2}pid/,
    );
    expect(await ask('scale', '3')).toMatchObject({ code: 0, out: 'scaling to 3 workers\n' });
    await ready(cluster, 3);
    expect(await ask('scale', '2')).toMatchObject({ code: 0 });
    expect(await cluster.logged(/^worker 3 left/)).toMatchObject({ code: 0 });
    expect(await ask('reload')).toMatchObject({ code: 0, out: 'reloaded: 2 workers replaced\n' });
    expect(await ask('stop')).toMatchObject({ code: 0, out: 'stopping\n' });
    expect((await cluster.exit()).code).toBe(0);
    expect(await ask('status')).toMatchObject({ code: 1, err: 'no cluster of this user is running\n' });
  });

  it('E36: the aggregate of all workers comes from the primary, as text, JSON and exit code', async () => {
    const { cluster, ask } = start(app('listen.cjs'), ['-w', '2']);
    await ready(cluster, 2);
    const [state] = JSON.parse((await ask('status', '--json')).out);
    expect(state).toMatchObject({ pid: cluster.child.pid, target: 2, ready: 2, deaths: 0, reloading: false });
    expect(state.workers).toHaveLength(2);
    expect(state.workers[0]).toMatchObject({ id: 1, state: 'ready', pid: expect.any(Number) });
    const port = Number(new URL(await cluster.url()).port);
    expect(state.workers[0].addresses).toEqual([{ host: '127.0.0.1', port }]);
    await ask('scale', '4');
    const missing = await ask('status', '--json');
    expect(missing.code).toBe(JSON.parse(missing.out)[0].ready < 4 ? 1 : 0);
    await ready(cluster, 4);
    expect(await ask('status')).toMatchObject({ code: 0, out: expect.stringContaining('4 of 4 ready') });
  });

  it('E40: a reload that fails is told to who asked, with exit code 1', async () => {
    const script = path.join(folder(), 'app.cjs');
    const source = `require(${JSON.stringify(app('listen.cjs'))})`;
    const listens = `require('node:http').createServer((q, s) => s.end('old')).listen(0, '127.0.0.1', function () { console.error('listening on ' + this.address().port) })`;
    writeFileSync(script, `${source}; ${listens}`);
    const { cluster, ask } = start(script, ['-w', '2']);
    await ready(cluster, 2);
    writeFileSync(script, `throw new Error('broken deploy')`);
    const reload = await ask('reload');
    expect(reload.code).toBe(1);
    expect(reload.err).toMatch(/^reload failed, 2 of 2 workers stay as they were: .*Error: broken deploy/);
    expect((await get(await cluster.url())).text).toBe('old');
  });

  it('is open to its user alone', async () => {
    const { cluster, dir } = start(app('listen.cjs'), ['-w', '2']);
    await ready(cluster, 2);
    const [name] = readdirSync(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(dir, name as string)).mode & 0o777).toBe(0o600);
  });

  it('is not made in a folder that others may enter or that is a link, and the cluster serves all the same', async () => {
    const open = folder();
    chmodSync(open, 0o755);
    const link = path.join(folder(), 'link');
    symlinkSync(folder(), link);
    for (const [dir, reason] of [
      [open, 'others may enter it'],
      [link, 'it is not a folder'],
    ] as const) {
      const cluster = runCluster(program, {
        args: ['start', app('listen.cjs'), '-w', '2', '--runtime-dir', dir],
      });
      expect(await cluster.line(/ERR_PRODUCTIONIZE_CLUSTER_CONTROL/)).toContain(reason);
      await ready(cluster, 2);
      expect((await get(await cluster.url())).status).toBe(200);
      expect(readdirSync(dir)).toEqual([]);
      const status = await cli(['status', '--runtime-dir', dir]);
      expect(status).toMatchObject({ code: 1, err: expect.stringContaining(reason) });
    }
  });

  it('a folder of another user is not trusted, whatever its mode', () => {
    const mine = folder();
    expect(distrust(mine)).toBeUndefined();
    expect(distrust(mine, (process.getuid?.() ?? 0) + 1)).toMatch(
      /it belongs to user \d+, and this is user \d+/,
    );
    writeFileSync(path.join(mine, 'file'), '');
    expect(() => makeRuntimeDir(path.join(mine, 'file'))).toThrow(/it is not a folder/);
    expect(runtimeDirs(undefined, { XDG_RUNTIME_DIR: '/run/user/7' })[0]).toBe(
      '/run/user/7/express-productionize',
    );
  });

  it('a hostile folder in the temporary one does not hide the clusters in the other', async () => {
    const [home, temporary] = [folder(), folder()];
    const hostile = path.join(temporary, `express-productionize-${process.getuid?.()}`);
    symlinkSync(folder(), hostile);
    const env = { XDG_RUNTIME_DIR: home, TMPDIR: temporary, EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: '' };
    const cluster = runCluster(program, { args: ['start', app('listen.cjs'), '-w', '2'], env });
    await ready(cluster, 2);
    const status = await cli(['status'], env);
    expect(status).toMatchObject({ code: 0, out: expect.stringContaining('2 of 2 ready') });
    expect(status.err).toContain('it is not a folder');
  });

  it('a socket that a killed primary left is cleared away', async () => {
    const { cluster, dir, ask } = start(app('listen.cjs'), ['-w', '2']);
    await ready(cluster, 2);
    await cluster.line(/listening/);
    cluster.child.kill('SIGKILL');
    await cluster.exit();
    expect(readdirSync(dir)).toHaveLength(1);
    expect((await ask('status')).code).toBe(1);
    expect(readdirSync(dir)).toHaveLength(0);
  });

  it('two clusters of one user are told apart by --pid', async () => {
    const { cluster: first, dir, ask } = start(app('listen.cjs'), ['-w', '2']);
    const second = runCluster(program, { args: ['start', app('www.cjs'), '-w', '2', '--runtime-dir', dir] });
    await ready(first, 2);
    await ready(second, 2);
    expect(JSON.parse((await ask('status', '--json')).out)).toHaveLength(2);
    const ambiguous = await ask('stop');
    expect(ambiguous.code).toBe(2);
    expect(ambiguous.err).toContain(`${first.child.pid} (${app('listen.cjs')})`);
    expect((await ask('stop', '--pid', String(second.child.pid))).code).toBe(0);
    expect((await second.exit()).code).toBe(0);
    expect((await ask('status', '--pid', String(first.child.pid))).code).toBe(0);
  });

  it('a client that sends garbage, too much, or nothing harms nobody', async () => {
    const { cluster, dir, ask } = start(app('listen.cjs'), ['-w', '2']);
    await ready(cluster, 2);
    const file = path.join(dir, readdirSync(dir)[0] as string);
    const say = (text: string) =>
      new Promise<string>((resolve) => {
        let answer = '';
        const socket = net.connect(file, () => socket.write(text));
        socket.on('data', (data) => {
          answer += data;
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(answer));
      });
    expect(JSON.parse(await say('nonsense\n'))).toMatchObject({ ok: false });
    expect(JSON.parse(await say('{"command":"fly"}\n'))).toMatchObject({ ok: false });
    expect(JSON.parse(await say('null\n'))).toMatchObject({ ok: false });
    expect(JSON.parse(await say('{"command":"scale","workers":1e9}\n'))).toMatchObject({ ok: false });
    expect(await say('x'.repeat(200_000))).toBe('');
    expect((await ask('status')).code).toBe(0);
  });
});

describe('arguments', () => {
  it.each([
    [[], 2, /^express-productionize <command>/],
    [['fly'], 2, /^unknown command "fly"/],
    [['toString'], 2, /^unknown command "toString"/],
    [['start'], 2, /^start: expected the script of an app/],
    [['start', 'missing.js'], 2, /^start: there is no script ".*missing\.js"/],
    [
      ['start', 'a.js', 'b.js'],
      2,
      /^start: unexpected argument "b\.js"\. Arguments of the script stand behind `--`/,
    ],
    [['start', 'a.js', '--wokers', '2'], 2, /^Unknown option '--wokers'/],
    [
      ['start', 'package.json', '--workers', 'many'],
      2,
      /^--workers: expected a whole number from 1 to 1024, got "many"/,
    ],
    [['scale'], 2, /^scale: expected the number of workers/],
    [['scale', '0'], 2, /^scale: expected a whole number from 1 to 1024, got "0"/],
    [['status', 'now'], 2, /^unexpected argument "now"/],
    [['stop', '--pid', 'x'], 2, /^--pid: expected a whole number/],
  ])('%j: exit code %i', async (args, code, message) => {
    const done = await cli(args, { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: folder() });
    expect(done.code).toBe(code);
    expect(done.err).toMatch(message);
  });

  it('--help of each command goes to stdout, with exit code 0', async () => {
    const general = await cli(['--help']);
    expect(general).toMatchObject({ code: 0, err: '' });
    expect(general.out).toMatch(/Exit codes: 0 done, 1 failed, 2 wrong arguments/);
    for (const name of ['start', 'status', 'reload', 'scale', 'stop']) {
      expect(general.out).toContain(`  ${name}`);
      const own = await cli([name, '--help']);
      expect(own).toMatchObject({ code: 0, err: '' });
      expect(own.out).toMatch(new RegExp(`^express-productionize ${name} `));
    }
    expect((await cli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/);
  });
});
