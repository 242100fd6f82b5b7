import { isInteger } from '../../support/options.js';
import { healthCommand } from '../containers/container-command.js';
import {
  checkTarget,
  commonAdvice,
  isImage,
  memoryMebibytes,
  seconds,
} from '../containers/container-options.js';
import { type YamlMap, yaml } from '../containers/yaml.js';
import type { DeploymentFacts } from '../deployment-facts.js';
import { integerOption, type TargetOptions, textOption } from '../target-options.js';
import type { Target } from './target.js';

/** Options of the target `compose`. */
export interface ComposeOptions {
  /** The image of the app. @default it is built from the Dockerfile in the same directory */
  readonly image?: string;
  /** The number of containers of the app. @default 2 */
  readonly instances?: number;
  /** The first of the ports at 127.0.0.1 under which the containers are published. @default the port of the app */
  readonly publish?: number;
  /** The image of Redis, where the app has a cache. @default 'redis:7-bookworm' */
  readonly redisImage?: string;
}

const options: TargetOptions<ComposeOptions> = {
  image: textOption('<image>', 'the image of the app; default: built from the Dockerfile', isImage),
  instances: integerOption('<n>', 'containers of the app; default: 2', isInteger('containers', 1, 100)),
  publish: integerOption(
    '<port>',
    'the first port at 127.0.0.1; default: the port of the app',
    isInteger('ports', 1, 65_436),
  ),
  redisImage: textOption('<image>', 'the image of Redis; default: redis:7-bookworm', isImage),
};

/** The containers of the app on one machine, and Redis where the app has a cache. */
export const compose: Target<ComposeOptions> = {
  summary: 'compose.yaml: containers of the app, and Redis for its cache',
  since: 'Docker Compose 1.27',
  options,
  generate(facts, given) {
    const checked = checkTarget('compose', facts, given, options);
    return [{ name: 'compose.yaml', comment: '#', text: yaml(project(facts, checked)) }];
  },
  advice(facts, given) {
    const { instances = 2 } = checkTarget('compose', facts, given, options);
    const advice = commonAdvice(facts);
    if (facts.cache)
      advice.push('The URL of Redis is in REDIS_URL: create the client of `redisStore` with it.');
    if (facts.sessionCookies.length > 0 && instances > 1) {
      advice.push(
        'Requests of a session reach several containers: its store must be shared, such as connect-redis.',
      );
    }
    return advice;
  },
};

/** Compose replaces variables in all values. */
const literal = (text: string): string => text.replaceAll('$', '$$$$');

/** What every container has in common: it can change and gain as little as possible. */
function hardened(mebibytes: number): YamlMap {
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

function project(facts: DeploymentFacts, checked: ComposeOptions): YamlMap {
  const { port, readsPort, health, cache, startupMs, shutdownMs } = facts;
  const { image, instances = 2, publish = port, redisImage = 'redis:7-bookworm' } = checked;
  const last = Math.min(65_535, publish + instances - 1);
  const published = last > publish ? `${publish}-${last}` : String(publish);
  const app: YamlMap = {
    ...(image === undefined ? { build: '.' } : { image }),
    scale: instances,
    environment: {
      NODE_ENV: 'production',
      ...(readsPort && { PORT: String(port) }),
      ...(cache && { REDIS_URL: 'redis://redis:6379' }),
    },
    '# one port for each container, for a proxy on this machine; Docker passes by firewalls for other addresses': true,
    ports: [`127.0.0.1:${published}:${port}`],
    ...(cache && { depends_on: ['redis'], networks: ['default', 'cache'] }),
    ...(health !== null && {
      '# readiness: Compose starts no container again because of it, and `up --wait` waits for it': true,
      healthcheck: {
        test: ['CMD', ...healthCommand(facts, health.readiness).map(literal)],
        interval: '5s',
        timeout: '5s',
        retries: 3,
        start_period: `${Math.max(1, seconds(startupMs))}s`,
      },
    }),
    '# longer than the drain of the app; SIGKILL follows': true,
    stop_grace_period: `${seconds(shutdownMs) + 5}s`,
    ...hardened(memoryMebibytes(facts)),
  };
  return {
    services: { app, ...(cache && { redis: redis(redisImage) }) },
    ...(cache && {
      networks: {
        default: {},
        '# Redis is reachable for the app only, and has no way out': true,
        cache: { internal: true },
      },
    }),
  };
}

function redis(image: string): YamlMap {
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
