import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { cleanUp, type Done, start } from '../helpers/cli.js';
import { type ClusterProgram, folder, ready } from '../helpers/clusters.js';
import { installed } from '../helpers/installed.js';
import { steadyLoad, wrkLoad } from '../helpers/load.js';
import { itNeeds } from '../helpers/needs.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('wrk');

afterEach(cleanUp);

describe('apps from npm by other authors, without a change', () => {
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
  });
});
