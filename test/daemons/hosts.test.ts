import { chmodSync, existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findClusters } from '../../src/process/cluster/control-client.js';
import { app, cli, type Done, program } from '../helpers/cli.js';
import { removeFolders } from '../helpers/clusters.js';
import { afterwards, cleanUp, execFile, folder, startChild, until } from '../helpers/daemons.js';
import { describeNeeds } from '../helpers/needs.js';
import { run } from '../helpers/program.js';
import { type SecondHost, startSecondHost } from '../helpers/second-host.js';

/** The last host, whose ssh knows both. */
let last: SecondHost;
const project = path.join(folder(), `the app's "files"`);
/** `web1` has the program in its PATH, and `web2` in the directory of a project. */
const on = ['--on', `root@web1,root@web2:${project}`, '--remote-node', process.execPath];

const ask = (...args: string[]): Promise<Done> =>
  cli(args, { PATH: `${last.bin}:${process.env.PATH}`, NO_COLOR: '1' });

const clusters: string[] = [];

describeNeeds(
  'ip',
  'ssh',
  'sshd',
)('commands on two hosts, over a real sshd', () => {
  beforeAll(async () => {
    const bin = folder();
    writeFileSync(
      path.join(bin, 'express-productionize'),
      `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`,
    );
    chmodSync(path.join(bin, 'express-productionize'), 0o755);
    await execFile('mkdir', ['-p', path.join(project, 'node_modules')]);
    symlinkSync(path.join(__dirname, '../..'), path.join(project, 'node_modules/express-productionize'));
    for (const name of ['web1', 'web2']) {
      const EXPRESS_PRODUCTIONIZE_RUNTIME_DIR = folder();
      chmodSync(EXPRESS_PRODUCTIONIZE_RUNTIME_DIR, 0o700);
      clusters.push(EXPRESS_PRODUCTIONIZE_RUNTIME_DIR);
      const PATH = name === 'web1' ? `${bin}:/usr/bin:/bin` : '/usr/bin:/bin';
      last = await startSecondHost({ EXPRESS_PRODUCTIONIZE_RUNTIME_DIR, PATH }, name);
      const start = `exec ${process.execPath} ${program} start ${app('listen.cjs')} -w 2 --name ${name}`;
      startChild(path.join(last.bin, 'ssh'), [`root@${name}`, start]);
    }
    afterwards(async () => {
      for (const directory of clusters) {
        await cli(['stop', '--runtime-dir', directory]);
        await until(async () => readdirSync(directory).length === 0);
      }
    });
    for (const directory of clusters) {
      await until(async () => (await findClusters(directory))[0]?.status.ready === 2);
    }
  });
  afterAll(async () => {
    await cleanUp();
    removeFolders();
  });

  it('status has a heading and a table for each host', async () => {
    const { code, out, err } = await ask('status', ...on);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const table = (name: string) =>
      `cluster ${name} \\(\\d+\\)  \\S*listen\\.cjs  up [^\\n]*  2 of 2 ready  0 died\\n(  [^\\n]*\\n){3}`;
    expect(out).toMatch(new RegExp(`^root@web1\\n${table('web1')}root@web2:[^\\n]*\\n${table('web2')}$`));
  });

  it('reload replaces the workers of one host after the other', async () => {
    const reload = await ask('reload', ...on);
    expect(reload).toMatchObject({ code: 0, err: '' });
    expect(reload.out).toMatch(
      /^root@web1\nreloaded: 2 workers replaced\nroot@web2:[^\n]*\nreloaded: 2 workers replaced\n$/,
    );
    for (const directory of clusters) {
      const [found] = await findClusters(directory);
      expect(found?.status.workers.map(({ id }) => id)).toEqual([3, 4]);
    }
  });

  it('top follows both hosts over one connection to each', async () => {
    const top = run(program, {
      args: ['top', '--json', '--every', '1', ...on],
      env: { PATH: `${last.bin}:${process.env.PATH}` },
    });
    for (const name of ['web1', 'web2']) {
      const state = JSON.parse(await top.line(new RegExp(`"host":"root@${name}.*"state":"ready"`)));
      expect(state).toMatchObject({
        problem: null,
        clusters: [{ name, ready: 2, measured: false, rps: null }],
      });
    }
    top.child.kill('SIGINT');
    expect(await top.exit()).toMatchObject({ code: 0 });
  });

  it('a command for the shell in an argument is not run', async () => {
    const injected = path.join(folder(), 'injected');
    const { code, out } = await ask('status', '--name', `'; touch ${injected}; '`, ...on, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([{ result: [] }, { result: [] }]);
    expect(existsSync(injected)).toBe(false);
  });

  it('a host that is down does not hide the other, and a reload stops there', async () => {
    await last.end();
    const [first = '', second = ''] = on[1]?.split(',') ?? [];
    const status = await ask('log-level', 'debug', ...on, '--json');
    expect(status.code).toBe(1);
    expect(JSON.parse(status.out)).toMatchObject([
      { host: first, ok: true, result: { ok: true, results: [{ worker: 3 }, { worker: 4 }] } },
      { host: second, ok: false, error: expect.stringMatching(/Connection refused/) },
    ]);
    const reload = await ask('reload', '--on', second, '--on', first);
    expect(reload).toMatchObject({
      code: 1,
      err: expect.stringMatching(/Connection refused[^\n]*\n.*: nothing was done, because .* failed\n$/),
    });
    const [found] = await findClusters(clusters[0]);
    expect(found?.status.workers.map(({ id }) => id)).toEqual([3, 4]);
  });
});
