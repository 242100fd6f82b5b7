import type { YamlMap } from './yaml.js';

/** What every container has in common: it can change and gain as little as possible. */
export function hardened(mebibytes: number, writable: readonly string[] = ['/tmp']): YamlMap {
  return {
    restart: 'unless-stopped',
    '# without a limit, a leak takes the memory of the whole machine': true,
    mem_limit: `${mebibytes}m`,
    read_only: true,
    tmpfs: [...writable],
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
    volumes: [`./${site}:/etc/nginx/conf.d/default.conf:ro`],
    depends_on: ['app'],
    '# open requests are completed': true,
    stop_signal: 'SIGQUIT',
    stop_grace_period: `${drainSeconds}s`,
    ...hardened(128, ['/tmp', '/run', '/var/cache/nginx']),
  };
}

/** The port of the proxy inside its container. */
export const proxyPort = 8080;

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
