import { mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { folder, pidOf, ready, removeFolders, runCluster, runFixture } from '../../helpers/clusters.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

describe('reload', () => {
  it('does not stop the old workers when a new one does not start, fails loudly, and works once it is repaired', async () => {
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
      msg: 'reload failed, 2 of 2 workers were not replaced: a new worker did not become ready (exit code 1; its last error: Error: the new code is broken)',
    });
    for (let i = 0; i < 4; i++) expect(before).toContain(await pidOf(url));
    rmSync(broken);
    program.child.kill('SIGHUP');
    await program.logged(/^reload: done/);
    for (let i = 0; i < 4; i++) expect(before).not.toContain(await pidOf(url));
  });

  it('where no worker can start, a reload tries the new code immediately', async () => {
    const broken = path.join(folder(), 'broken');
    writeFileSync(broken, '');
    const program = runFixture({ workers: 2, maxFailedStarts: 1000 }, { env: { BROKEN: broken } });
    await program.times(/died/, 8);
    rmSync(broken);
    program.child.kill('SIGHUP');
    await program.logged(/^reload: done/);
    expect((await get(await program.url())).status).toBe(200);
  });

  it('reloads requested during a reload become one more', async () => {
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

  it('a stop during a reload ends both', async () => {
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
});

it('follows a link in the working directory of a script that was started by its name', async () => {
  const directory = folder();
  const dist = path.join(__dirname, '../../../dist/index.cjs');
  const script = `
    const { productionize, runCluster } = require(${JSON.stringify(dist)});
    runCluster(() => {
      const app = productionize(require(${JSON.stringify(require.resolve('express'))})());
      app.get('/', (req, res) => res.send(__dirname));
      const server = app.listen(0, '127.0.0.1', () => console.error('listening on ' + server.address().port));
    }, { workers: 2 });`;
  const current = path.join(directory, 'current');
  const link = (release: string) => {
    symlinkSync(release, path.join(directory, 'next'));
    renameSync(path.join(directory, 'next'), current);
  };
  for (const release of ['1', '2']) {
    mkdirSync(path.join(directory, release));
    writeFileSync(path.join(directory, release, 'app.cjs'), script);
  }
  link('1');
  const env = { PWD: current, NODE: process.execPath };
  const command = ['sh', '-c', 'exec "$NODE" app.cjs'];
  const program = runCluster('', { command, executable: true, cwd: current, env });
  await ready(program, 2);
  link('2');
  program.child.kill('SIGHUP');
  await program.logged(/^reload: done/);
  const port = program.err.at(-1)?.split(' ').at(-1);
  expect((await get(`http://127.0.0.1:${port}`)).text).toBe(realpathSync(path.join(directory, '2')));
});
