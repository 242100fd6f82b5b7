// nginx with one process, siblings in gzip (its Brotli is a module of others), no access log.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeSite } from './site.js';

const ticksPerSecond = 100;

export async function start() {
  const root = makeSite();
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-nginx-'));
  const port = await freePort();
  const file = path.join(folder, 'nginx.conf');
  await writeFile(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  types { text/javascript js; image/png png; }
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  open_file_cache max=1000 inactive=20s;
  server { listen 127.0.0.1:${port}; root ${root}; gzip_static on; gzip_vary on; }
}
`,
  );
  // it ends with this process, however that ends
  const nginx = spawn('setpriv', ['--pdeathsig', 'KILL', 'nginx', '-c', file, '-e', 'stderr'], {
    stdio: 'inherit',
  });
  await listening(port);
  return {
    listening: true,
    address: () => ({ port }),
    cpuUsage: () => cpuOf(nginx.pid),
  };
}

/** Microseconds of CPU of a process, by the kernel's count of ticks. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const micros = (ticks) => (Number(ticks) * 1e6) / ticksPerSecond;
  return { user: micros(fields[11]), system: micros(fields[12]) };
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port) {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await sleep(20);
  }
}
