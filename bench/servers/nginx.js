// nginx with one process, siblings in gzip (its Brotli is a module of others), no access log.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { folderFor, freePort, startDaemon } from './daemon.js';
import { makeSite } from './site.js';

export async function start() {
  const root = makeSite();
  const folder = await folderFor('nginx');
  const port = await freePort();
  const file = path.join(folder, 'nginx.conf');
  const site = `types { text/javascript js; image/png png; }
  open_file_cache max=1000 inactive=20s;
  server { listen 127.0.0.1:${port}; root ${root}; gzip_static on; gzip_vary on; }`;
  await writeFile(file, nginxConf(folder, site));
  return startDaemon(port, 'nginx', '-c', file, '-e', 'stderr');
}

/** The configuration around a site: one process, all its files in one folder. */
export function nginxConf(folder, site) {
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  ${site}
}
`;
}
