import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { folder, ready, removeFolders, runFixture } from '../../helpers/clusters.js';
import { expressNames } from '../../helpers/express-names.js';
import { itNeeds } from '../../helpers/needs.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

describe('ends', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s to the whole group lets a request of 1 s finish',
    async (signal) => {
      const program = runFixture({ workers: 2 }, { group: true });
      await ready(program, 2);
      const slow = get(`${await program.url()}/slow/1000`);
      await program.line(/^slow arrived/);
      process.kill(-(program.child.pid as number), signal);
      expect((await slow).text).toBe('slow is done');
      expect(await program.exit()).toEqual({ code: 0, signal: null });
      expect(program.log().at(-1)).toMatchObject({ msg: 'cluster: all workers exited', clean: true });
    },
  );

  it('kills a worker that does not exit in time, reports it, and exits with code 1', async () => {
    const program = runFixture({ workers: 2, drainMs: 500 });
    await ready(program, 2);
    const slow = get(`${await program.url()}/slow/20000`).catch((error) => error.code);
    await program.line(/^slow arrived/);
    program.child.kill('SIGTERM');
    expect((await program.exit()).code).toBe(1);
    expect(await slow).toBe('ECONNRESET');
    expect(program.log().map(({ msg }) => msg)).toContainEqual(
      expect.stringMatching(/did not drain: killed: it did not exit within 500 ms/),
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
    await program.logged(/worker \d exited/);
    program.child.kill('SIGTERM');
    expect((await program.exit()).code).toBe(1);
    expect(await slow).toBe('ECONNRESET');
    expect(program.log().at(-1)?.msg).toBe('cluster: SIGTERM again, exiting immediately');
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

  itNeeds('script')(
    'ends with the terminal it was started in, where SIGHUP means that and not a reload',
    async () => {
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
      while (!readFileSync(log, 'utf8').includes('all workers exited')) await setTimeout(20);
      expect(readFileSync(log, 'utf8')).toContain('the terminal was closed, draining');
      while (existsSync(`/proc/${pid}/exe`)) await setTimeout(20);
    },
  );

  it.each(expressNames)(
    'a worker that throws in a timer exits after its replacement is ready, on %s',
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
      expect(at(/finishes its requests after an uncaught error/)).toBeGreaterThan(0);
      expect(at(/^worker 3 is ready/)).toBeGreaterThan(at(/finishes its requests after an uncaught error/));
      expect(at(/died: exit code 1/)).toBeGreaterThan(at(/^worker 3 is ready/));
      expect(await program.logged(/died: exit code 1/)).toMatchObject({
        route: 'GET /die',
        error: expect.stringContaining('escaped from a timer'),
      });
    },
  );
});
