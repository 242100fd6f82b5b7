import { chmodSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { makeRuntimeDir, runtimeDirs, untrustedReason } from '../../src/process/cluster/runtime-dir.js';
import { app, cleanUp, cli, program, start } from '../helpers/cli.js';
import { folder, ready, runCluster } from '../helpers/clusters.js';
import { get } from '../helpers/serve.js';

afterEach(cleanUp);

describe('the control socket', () => {
  it('status, scale, reload and stop control the cluster', async () => {
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
    expect(await cluster.logged(/^worker 3 exited/)).toMatchObject({ code: 0 });
    expect(await ask('reload')).toMatchObject({ code: 0, out: 'reloaded: 2 workers replaced\n' });
    expect(await ask('stop')).toMatchObject({ code: 0, out: 'stopping\n' });
    expect((await cluster.exit()).code).toBe(0);
    expect(await ask('status')).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^No cluster of \S+ is running\. Start one: express-productionize start app\.js\n$/,
      ),
    });
  });

  it('the primary returns the aggregate of all workers, as text, JSON and exit code', async () => {
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

  it('a failed reload is reported to its caller, with exit code 1', async () => {
    const script = path.join(folder(), 'app.cjs');
    const source = `require(${JSON.stringify(app('listen.cjs'))})`;
    const listens = `require('node:http').createServer((q, s) => s.end('old')).listen(0, '127.0.0.1', function () { console.error('listening on ' + this.address().port) })`;
    writeFileSync(script, `${source}; ${listens}`);
    const { cluster, ask } = start(script, ['-w', '2']);
    await ready(cluster, 2);
    writeFileSync(script, `throw new Error('broken deploy')`);
    const reload = await ask('reload');
    expect(reload.code).toBe(1);
    expect(reload.err).toMatch(/^reload failed, 2 of 2 workers were not replaced: .*Error: broken deploy/);
    expect((await get(await cluster.url())).text).toBe('old');
  });

  it('is open to its user only', async () => {
    const { cluster, dir } = start(app('listen.cjs'), ['-w', '2']);
    await ready(cluster, 2);
    const [name] = readdirSync(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(dir, name as string)).mode & 0o777).toBe(0o600);
  });

  it('is not created in a directory that is a link or open to others, and the cluster still serves', async () => {
    const open = folder();
    chmodSync(open, 0o755);
    const link = path.join(folder(), 'link');
    symlinkSync(folder(), link);
    for (const [dir, reason] of [
      [open, 'other users may enter it'],
      [link, 'it is not a directory'],
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

  it('a directory of another user is not trusted, whatever its mode', () => {
    const mine = folder();
    expect(untrustedReason(mine)).toBeUndefined();
    expect(untrustedReason(mine, (process.getuid?.() ?? 0) + 1)).toMatch(
      /it belongs to user \d+, and this is user \d+/,
    );
    writeFileSync(path.join(mine, 'file'), '');
    expect(() => makeRuntimeDir(path.join(mine, 'file'))).toThrow(/it is not a directory/);
    expect(runtimeDirs(undefined, { XDG_RUNTIME_DIR: '/run/user/7' })[0]).toBe(
      '/run/user/7/express-productionize',
    );
  });

  it('an untrusted directory in the temporary directory does not hide the clusters in the other one', async () => {
    const [home, temporary] = [folder(), folder()];
    const hostile = path.join(temporary, `express-productionize-${process.getuid?.()}`);
    symlinkSync(folder(), hostile);
    const env = { XDG_RUNTIME_DIR: home, TMPDIR: temporary, EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: '' };
    const cluster = runCluster(program, { args: ['start', app('listen.cjs'), '-w', '2'], env });
    await ready(cluster, 2);
    const status = await cli(['status'], env);
    expect(status).toMatchObject({ code: 0, out: expect.stringContaining('2 of 2 ready') });
    expect(status.err).toContain('it is not a directory');
  });

  it('a socket that a killed primary left behind is removed', async () => {
    const { cluster, dir, ask } = start(app('listen.cjs'), ['-w', '2']);
    await ready(cluster, 2);
    await cluster.line(/listening/);
    cluster.child.kill('SIGKILL');
    await cluster.exit();
    expect(readdirSync(dir)).toHaveLength(1);
    expect((await ask('status')).code).toBe(1);
    expect(readdirSync(dir)).toHaveLength(0);
  });

  it('--pid selects one of two clusters of one user', async () => {
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

  it('a client that sends invalid data, too much, or nothing has no effect', async () => {
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
