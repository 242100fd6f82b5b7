// nginx and Varnish as caches in front of an app, by the configuration this library writes. Hits never reach the app.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { nginxCache, varnishCache } from 'express-productionize/deploy';
import { folderFor, freePort, startDaemon } from './daemon.js';
import { start as startApp } from './express.js';
import { nginxConf } from './nginx.js';

export async function start({ by }, load) {
  const app = await startApp({ version: 5 }, load);
  if (!app.listening) await new Promise((resolve) => app.once('listening', resolve));
  const upstreams = [`127.0.0.1:${app.address().port}`];
  const folder = await folderFor(by);
  const port = await freePort();
  const file = path.join(folder, 'site.conf');
  if (by === 'nginx') {
    const site = nginxCache({
      upstreams,
      listen: `127.0.0.1:${port}`,
      cachePath: path.join(folder, 'cache'),
    });
    await writeFile(file, nginxConf(folder, site));
    return startDaemon(port, 'nginx', '-c', file, '-e', 'stderr');
  }
  await writeFile(file, varnishCache({ upstreams }));
  const [listen, storage] = [`127.0.0.1:${port}`, 'malloc,64m'];
  return startDaemon(
    port,
    'varnishd',
    '-F',
    '-j',
    'none',
    '-n',
    folder,
    '-f',
    file,
    '-a',
    listen,
    '-s',
    storage,
  );
}
