import { existsSync, mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { cli, type Done } from '../helpers/cli.js';
import { removeFolders } from '../helpers/clusters.js';
import { afterwards, cleanUp, execFile, folder, until } from '../helpers/daemons.js';
import { describeNeeds } from '../helpers/needs.js';
import { lossesDuring } from '../helpers/release-load.js';
import { apps, releaseOf } from '../helpers/releases.js';
import { type SecondHost, startSecondHost } from '../helpers/second-host.js';
import { get } from '../helpers/serve.js';

const port = 3000;
let host: SecondHost;
let directory: string;
let runtimeDir: string;
let url: string;
/** A release that serves `one`. */
let first: string;

/** Runs an action on a directory of the second host. */
function release(
  action: string,
  to: string,
  args: string[] = [],
  PATH = `${host.bin}:${process.env.PATH}`,
): Promise<Done> {
  const [own = [], ...started] = args
    .join('\0')
    .split(/\0--\0/)
    .map((words) => words.split('\0').filter(Boolean));
  const rest = started.flatMap((words) => ['--', ...words]);
  return cli(['release', action, `root@${host.name}:${to}`, '--node', process.execPath, ...own, ...rest], {
    PATH,
  });
}

const onCluster = (): string[] => ['--runtime-dir', runtimeDir, '--json'];

describeNeeds(
  'ip',
  'ssh',
  'sshd',
  'rsync',
  'flock',
)('a release on a second host, over a real sshd', () => {
  beforeAll(async () => {
    directory = path.join(folder(), 'web');
    runtimeDir = folder();
    first = await releaseOf(apps.good('one'));
    host = await startSecondHost({ PORT: String(port) });
    url = `http://${host.address}:${port}`;
    afterwards(async () => {
      await cli(['stop', '--runtime-dir', runtimeDir]);
      await until(async () => readdirSync(runtimeDir).length === 0);
    });
  });
  afterAll(async () => {
    await cleanUp();
    removeFolders();
  });

  it('is copied by rsync and started there', async () => {
    const done = await release('deploy', directory, [
      first,
      ...onCluster(),
      '--start',
      '--',
      '--workers',
      '2',
    ]);
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(done.out)).toMatchObject({ ok: true, cluster: 'started' });
    expect((await get(`${url}/`)).text).toBe('one');
    expect(readdirSync(path.join(directory, 'incoming'))).toEqual([]);
    await expect(get(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  it('under load, a good one fails no request', async () => {
    const second = await releaseOf(apps.good('two'), '2.0.0');
    let done: Done | undefined;
    const lost = await lossesDuring('a good release on a second host', url, async () => {
      done = await release('deploy', directory, [second, ...onCluster()]);
    });
    expect(JSON.parse(done?.out ?? '')).toMatchObject({ ok: true, cluster: 'reloaded', version: '2.0.0' });
    expect(lost).toEqual([]);
    expect((await get(`${url}/`)).text).toBe('two');
  });

  it('under load, a broken one is replaced by the one before, and no request fails', async () => {
    const before = readlinkSync(path.join(directory, 'current'));
    const broken = await releaseOf(apps.throws, '3.0.0', '--directory');
    // the host runs the program of the release, so the release has one
    const without = await release('deploy', directory, [broken]);
    expect(without).toMatchObject({ code: 1, err: expect.stringMatching(/has no express-productionize/) });
    const complete = await releaseOf(`${apps.throws}\nimport express from 'express';`, '3.0.0');
    let done: Done | undefined;
    const lost = await lossesDuring('a broken release on a second host', url, async () => {
      done = await release('deploy', directory, [complete, ...onCluster()]);
    });
    expect(done?.code).toBe(1);
    expect(JSON.parse(done?.out ?? '')).toMatchObject({
      ok: false,
      current: path.basename(before),
      reason: expect.stringMatching(/this release does not start/),
    });
    expect(lost).toEqual([]);
    expect((await get(`${url}/`)).text).toBe('two');
    const listed = await release('list', directory);
    expect(listed.out).toMatch(/3\.0\.0.*broken: .*this release does not start/);
    const lostBack = await lossesDuring('a rollback on a second host', url, async () => {
      done = await release('rollback', directory, onCluster());
    });
    expect(JSON.parse(done?.out ?? '')).toMatchObject({ ok: true, version: '1.0.0' });
    expect(lostBack).toEqual([]);
    expect((await get(`${url}/`)).text).toBe('one');
  });

  it('is sent through tar where rsync is missing, also to a directory with a name for a shell', async () => {
    const strange = path.join(folder(), `it's "$(touch pwned)" *`);
    const done = await release('deploy', strange, [first, ...onCluster()], host.bin);
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(existsSync(path.join(strange, 'current/app.mjs'))).toBe(true);
    expect(existsSync('/root/pwned')).toBe(false);
  });

  it('a host that cannot be reached is an error without a prompt', async () => {
    const PATH = `${host.bin}:${process.env.PATH}`;
    const done = await cli(['release', 'deploy', `nobody@${host.name}:/srv/web`, first], { PATH });
    expect(done).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/Permission denied/) });
  });

  it('a full disk and a target that cannot be written change nothing', async () => {
    const mounted = path.join(folder(), 'disk');
    mkdirSync(mounted);
    await execFile('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', mounted]);
    afterwards(() => execFile('umount', [mounted]));
    const full = await cli(['release', 'deploy', mounted, first]);
    expect(full).toMatchObject({ code: 1, err: expect.stringMatching(/ENOSPC.*Nothing was changed\./) });
    expect(readdirSync(path.join(mounted, 'releases'))).toEqual([]);
    expect(existsSync(path.join(mounted, 'current'))).toBe(false);
    await execFile('mount', ['-o', 'remount,ro', mounted]);
    for (const target of [mounted, path.join(mounted, 'web')]) {
      expect(await cli(['release', 'deploy', target, first])).toMatchObject({
        code: 1,
        err: expect.stringMatching(/cannot be written: .*Nothing was changed\./),
      });
    }
  });
});
