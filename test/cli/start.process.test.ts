import { isExpressApp } from '../../src/preload/express-app.js';
import { app, cleanUp, start } from '../helpers/cli.js';
import { ready, runCluster } from '../helpers/clusters.js';
import { expressNames } from '../helpers/express-names.js';
import { expressVersions } from '../helpers/express-versions.js';
import { get } from '../helpers/serve.js';

afterEach(cleanUp);

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

  it('with one worker runs the script as the main module, and SIGHUP replaces the worker', async () => {
    const { cluster, ask } = start(app('listen.cjs'), ['--workers', '1', '--', 'y']);
    const url = await cluster.url();
    const before = JSON.parse((await get(url)).text);
    expect(before).toEqual({ pid: expect.any(Number), env: 'production', args: ['y'] });
    await cluster.logged(/^GET \/ 200/);
    expect(await ask('status')).toMatchObject({ code: 0, out: expect.stringContaining('1 of 1 ready') });
    cluster.child.kill('SIGHUP');
    await cluster.logged(/^reload: done/);
    const after = JSON.parse((await get(url)).text);
    expect(after).toMatchObject({ env: 'production', args: ['y'] });
    expect(after.pid).not.toBe(before.pid);
    cluster.child.kill('SIGTERM');
    expect(await cluster.exit()).toEqual({ code: 0, signal: null });
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
