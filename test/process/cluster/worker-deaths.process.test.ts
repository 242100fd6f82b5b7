import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Backoff } from '../../../src/process/cluster/backoff.js';
import { folder, pidOf, ready, removeFolders, runFixture } from '../../helpers/clusters.js';
import { expressNames } from '../../helpers/express-names.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

describe('deaths', () => {
  it('the wait after a death doubles up to 30 s while workers die within 5 s', () => {
    const backoff = new Backoff();
    const waits = Array.from({ length: 12 }, () => backoff.afterDeath(4999));
    expect(waits).toEqual([0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    expect([5000, 10, 10].map((uptimeMs) => backoff.afterDeath(uptimeMs))).toEqual([0, 0, 100]);
  });

  it.each(expressNames)(
    'logs code, signal, uptime and last route, and forks again, on %s',
    async (express) => {
      const program = runFixture({ workers: 2 }, { express });
      await ready(program, 2);
      const url = await program.url();
      await get(`${url}/exit/7`).catch(() => undefined);
      expect(await program.logged(/died: exit code 7/)).toMatchObject({
        level: 50,
        code: 7,
        signal: null,
        uptimeMs: expect.any(Number),
        route: 'GET /exit/:code',
      });
      await ready(program, 3);
      process.kill(await pidOf(url), 'SIGKILL');
      expect(await program.logged(/died: signal SIGKILL/)).toMatchObject({ code: null, signal: 'SIGKILL' });
      await ready(program, 4);
      expect((await get(url)).status).toBe(200);
    },
  );

  it('when starts in a row fail, the primary exits with code 1 and the last error', async () => {
    const broken = path.join(folder(), 'broken');
    writeFileSync(broken, '');
    const program = runFixture({ workers: 2, maxFailedStarts: 4 }, { env: { BROKEN: broken } });
    expect(await program.exit()).toEqual({ code: 1, signal: null });
    expect(program.log().at(-1)?.msg).toMatch(
      /^cluster: 4 starts in a row failed, giving up: exit code 1; its last error: Error: the new code is broken$/,
    );
  });

  it('kills and replaces a worker that does not get ready in time', async () => {
    const program = runFixture({ workers: 2, startMs: 30, maxFailedStarts: 2 });
    expect((await program.exit()).code).toBe(1);
    expect(program.log().at(-1)?.msg).toMatch(/killed: it started no server within 30 ms/);
  });

  it('does not kill a worker that a debugger may have stopped', async () => {
    const program = runFixture({ workers: 2, stuckMs: 1000 }, { nodeArgs: ['--inspect=127.0.0.1:0'] });
    await ready(program, 2);
    expect((await get(`${await program.url()}/hang?ms=4000`)).text).toBe('over');
    expect(program.log().some(({ msg }) => /no heartbeat/.test(String(msg)))).toBe(false);
    program.child.kill('SIGTERM');
    await program.exit();
  });

  it('replaces a worker whose event loop hangs, and the others serve meanwhile', async () => {
    const program = runFixture({ workers: 2, stuckMs: 3000 });
    await ready(program, 2);
    const url = await program.url();
    void get(`${url}/hang`).catch(() => undefined);
    const hanging = Number((await program.line(/^hanging/)).split(' ')[1]);
    expect((await get(url)).status).toBe(200);
    expect(await program.logged(/died: killed: no heartbeat for 3000 ms/)).toMatchObject({
      workerPid: hanging,
    });
    await ready(program, 3);
  });
});
