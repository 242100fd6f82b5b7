import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import {
  type NginxCacheOptions,
  nginxCache,
  type VarnishCacheOptions,
  varnishCache,
} from '../../src/deploy/index.js';
import { execFile, folder, freePort, until } from './daemons.js';
import { get } from './serve.js';

/** A proxy that runs in front of an app. */
export interface CacheProxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a proxy, which resolves once it answers whatever it is asked. */
export async function started(
  command: string,
  args: string[],
  port: number,
  isUp = async () => (await get(`http://127.0.0.1:${port}/seen/0`)).status > 0,
): Promise<CacheProxy> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  child.stdout.on('data', (text) => said.push(String(text)));
  child.stderr.on('data', (text) => said.push(String(text)));
  let ended = false;
  const exit = once(child, 'exit').then(() => {
    ended = true;
  });
  await until(async () => {
    return ended || isUp();
  });
  if (ended) throw new Error(`${command} ended:\n${said.join('')}`);
  return {
    port,
    async stop() {
      (child as ChildProcess).kill('SIGTERM');
      await exit;
    },
  };
}

/** Whether the port accepts connections, with or without TLS. */
export async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  return true;
}

/** A folder with the site in it, inside the least configuration nginx runs with. */
export function nginxFolder(site: string): string {
  const home = folder();
  chmodSync(home, 0o755);
  mkdirSync(path.join(home, 'tmp'));
  writeFileSync(path.join(home, 'site.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path tmp/${kind};`,
  );
  writeFileSync(
    path.join(home, 'nginx.conf'),
    `daemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr crit; events {}
http { access_log off; include /etc/nginx/mime.types; ${temporary.join(' ')} include site.conf; }
`,
  );
  return home;
}

/** What a check of a configuration said: nothing when it was accepted. */
export async function refusal(check: Promise<unknown>): Promise<string | undefined> {
  return check.then(
    () => undefined,
    (error) => String(error.stderr).slice(0, 2000),
  );
}

export const nginx = {
  name: 'nginx',
  text: (options: NginxCacheOptions) => nginxCache({ cachePath: '/tmp/nginx-cache-check', ...options }),
  refuses(text: string): Promise<string | undefined> {
    return refusal(execFile('nginx', ['-t', '-p', nginxFolder(text), '-c', 'nginx.conf', '-e', 'stderr']));
  },
  /** Starts a site that listens on the port. */
  async serve(site: string, port: number): Promise<CacheProxy> {
    return started('nginx', ['-p', nginxFolder(site), '-c', 'nginx.conf', '-e', 'stderr'], port, () =>
      isOpen(port),
    );
  },
  async start(options: Omit<NginxCacheOptions, 'listen' | 'cachePath'>): Promise<CacheProxy> {
    const port = await freePort();
    const cachePath = path.join(folder(), 'cache');
    const home = nginxFolder(nginxCache({ ...options, listen: `127.0.0.1:${port}`, cachePath }));
    return started('nginx', ['-p', home, '-c', 'nginx.conf', '-e', 'stderr'], port);
  },
};

export const varnish = {
  name: 'Varnish',
  text: varnishCache,
  async refuses(text: string): Promise<string | undefined> {
    const file = path.join(folder(), 'check.vcl');
    writeFileSync(file, text);
    // what was accepted is printed as C
    const options = { maxBuffer: 64 * 1024 * 1024 };
    return refusal(execFile('varnishd', ['-j', 'none', '-C', '-f', file], options));
  },
  async start(options: VarnishCacheOptions): Promise<CacheProxy> {
    const port = await freePort();
    const home = folder();
    const file = path.join(home, 'default.vcl');
    writeFileSync(file, varnishCache({ probeMs: 100, ...options }));
    const args = ['-j', 'none', '-F', '-n', path.join(home, 'work'), '-a', `127.0.0.1:${port}`];
    return started('varnishd', [...args, '-f', file, '-s', 'malloc,32m'], port);
  },
};
