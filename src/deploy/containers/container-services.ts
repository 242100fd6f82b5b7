import { indent } from '../proxy-cache.js';
import type { YamlMap } from './yaml.js';

/** What every container has in common: it can change and gain as little as possible. */
export function hardened(mebibytes: number): YamlMap {
  return {
    restart: 'unless-stopped',
    '# without a limit, a leak takes the memory of the whole machine': true,
    mem_limit: `${mebibytes}m`,
    read_only: true,
    tmpfs: ['/tmp'],
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    '# rotates; the default driver writes files without a limit': true,
    logging: { driver: 'local' },
  };
}

/** The proxy in front of the containers of the app. Its site is a file beside the project. */
export function proxyService(image: string, published: number, site: string, drainSeconds: number): YamlMap {
  return {
    image,
    '# not root: it listens on a port above 1023': true,
    user: 'nginx',
    ports: [`127.0.0.1:${published}:${proxyPort}`],
    volumes: [`./${site}:/etc/nginx/nginx.conf:ro`],
    depends_on: ['app'],
    '# open requests are completed': true,
    stop_signal: 'SIGQUIT',
    stop_grace_period: `${drainSeconds}s`,
    ...hardened(128),
  };
}

/** The port of the proxy inside its container. */
export const proxyPort = 8080;

/** The whole configuration of the proxy, which writes to `/tmp` only. */
export function proxyConfiguration(site: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    '# the process is not root, and /tmp is the only directory that it may write to',
    'pid /tmp/nginx.pid;',
    'worker_processes auto;',
    'error_log /dev/stderr;',
    'events {}',
    'http {',
    ...indent([
      'access_log /dev/stdout;',
      'include /etc/nginx/mime.types;',
      ...kinds.map((kind) => `${kind}_temp_path /tmp/${kind};`),
      '',
      ...site.trimEnd().split('\n'),
    ]),
    '}',
    '',
  ].join('\n');
}

/** Redis as a cache. */
export function redisService(image: string): YamlMap {
  return {
    image,
    '# a cache: the least recently used entries are evicted, and nothing is written to disk': true,
    command: [
      'redis-server',
      '--maxmemory',
      '256mb',
      '--maxmemory-policy',
      'allkeys-lru',
      '--save',
      '',
      '--appendonly',
      'no',
    ],
    '# the image starts as root, and needs capabilities to change its user': true,
    user: 'redis',
    networks: ['cache'],
    healthcheck: {
      '# redis-cli exits with 0 for error responses, too': true,
      test: ['CMD-SHELL', 'redis-cli ping | grep -q PONG'],
      interval: '5s',
      timeout: '3s',
      retries: 3,
    },
    ...hardened(384),
  };
}
