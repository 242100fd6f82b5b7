import { app, cleanUp, program, start } from '../helpers/cli.js';
import { ready, runCluster } from '../helpers/clusters.js';
import { get } from '../helpers/serve.js';

afterEach(cleanUp);

describe('start', () => {
  it('leaves the options of an app that productionizes itself in place', async () => {
    const { cluster } = start(app('itself.mjs'), ['-w', '2']);
    await ready(cluster, 2);
    const parts: { name: string; state: string }[] = JSON.parse((await get(await cluster.url())).text);
    expect(parts.find(({ name }) => name === 'compression')).toMatchObject({ state: 'off' });
    expect(parts.find(({ name }) => name === 'requestLogger')).toMatchObject({ state: 'on' });
  });

  it('reports a function that hides the app', async () => {
    const { cluster } = start(app('around.mjs'), ['-w', '2']);
    await ready(cluster, 2);
    expect((await get(await cluster.url())).text).toBe('around');
    expect(await cluster.line(/ERR_PRODUCTIONIZE_PRELOAD/)).toContain('call productionize(app)');
  });

  it.each(['express4', 'express'])(
    'warns of no hidden app where another server listens before the app of %s',
    async (expressName) => {
      const { cluster } = start(app('two-servers.mjs'), ['-w', '2', '--', expressName]);
      await ready(cluster, 2);
      expect((await get(await cluster.url())).text).toBe('two servers');
      await cluster.logged(/^GET \/ 200/);
      expect(cluster.err.join('\n')).not.toContain('ERR_PRODUCTIONIZE_PRELOAD');
    },
  );

  it.each([
    ['PM2', { pm_id: '0' }, ['ready']],
    ['another parent', {}, []],
  ])('sends %s the message `ready` where it is expected', async (_, env, expected) => {
    const cluster = runCluster(program, { args: ['start', app('listen.cjs'), '-w', '1'], env, ipc: true });
    const messages: unknown[] = [];
    cluster.child.on('message', (message) => messages.push(message));
    await ready(cluster, 1);
    cluster.child.kill('SIGTERM');
    await cluster.exit();
    expect(messages).toEqual(expected);
  });

  it('reads WEB_CONCURRENCY', async () => {
    const { cluster } = start(app('listen.cjs'), [], { WEB_CONCURRENCY: '3' });
    await ready(cluster, 3);
    expect(cluster.log()[0]).toMatchObject({ workers: 3, msg: 'cluster: 3 workers (WEB_CONCURRENCY)' });
  });
});
