import { isInteger } from '../../support/options.js';
import { healthCommand } from '../containers/container-command.js';
import { commonAdvice, isImage, memoryMebibytes, seconds } from '../containers/container-options.js';
import {
  hardened,
  proxyConfiguration,
  proxyPort,
  proxyService,
  redisService,
} from '../containers/container-services.js';
import { type YamlMap, yaml } from '../containers/yaml.js';
import type { DeploymentFacts } from '../deployment-facts.js';
import { nginxOptions } from '../nginx/nginx-options.js';
import { agreements, checkNames } from '../proxy-target.js';
import { integerOption, switchOption, type TargetOptions, textOption } from '../target-options.js';
import { hasFeature } from '../versions.js';
import { nginx } from './nginx.js';
import type { GeneratedFile, Target } from './target.js';

/** Options of the target `compose`. */
export interface ComposeOptions {
  /** The image of the app. @default it is built from the Dockerfile in the same directory */
  readonly image?: string;
  /** The number of containers of the app. @default 2 */
  readonly instances?: number;
  /** The port of nginx at 127.0.0.1; without nginx the first of the ports of the containers. @default the port of the app */
  readonly publish?: number;
  /** Whether nginx balances over the containers. @default true */
  readonly proxy?: boolean;
  /** The image of nginx. @default 'nginx:1.28' */
  readonly proxyImage?: string;
  /** The version of nginx in the image. @default '1.28' */
  readonly nginxVersion?: string;
  /** Whether another proxy in front overwrites `X-Forwarded-*`. @default false */
  readonly trustForwarded?: boolean;
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
  proxy: switchOption('nginx balances over the containers; default: yes'),
  proxyImage: textOption('<image>', 'the image of nginx; default: nginx:1.28', isImage),
  nginxVersion: nginxOptions.nginxVersion,
  trustForwarded: nginxOptions.trustForwarded,
  redisImage: textOption('<image>', 'the image of Redis; default: redis:7-bookworm', isImage),
};

/** The containers of the app on one machine, and Redis where the app has a cache. */
export const compose: Target<ComposeOptions> = {
  summary: 'compose.yaml: nginx, containers of the app, and Redis for its cache',
  since: 'Docker Compose 1.27',
  options,
  check(facts, { proxy }) {
    if (proxy !== false) checkNames('compose', facts);
  },
  generate(facts, given) {
    const file = { name: 'compose.yaml', comment: '#', text: yaml(project(facts, given)) } as const;
    return given.proxy === false ? [file] : [file, { ...siteOf(facts, given), name: siteFile }];
  },
  advice(facts, given) {
    const { instances = 2, proxy = true, nginxVersion = usualVersion, trustForwarded } = given;
    const advice = commonAdvice(facts);
    if (proxy) advice.push(...agreements(facts, { trustForwarded }));
    if (proxy && !hasFeature('nginx', nginxVersion, 'resolve')) {
      advice.push(
        'This nginx resolves the name of the app at its start only: restart it after containers are replaced.',
      );
    }
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

const usualVersion = '1.28';
const siteFile = 'nginx.conf';

/** The site of nginx. The DNS server of Docker has the addresses of all containers of the app. */
function siteOf(
  facts: DeploymentFacts,
  { nginxVersion = usualVersion, trustForwarded = false }: ComposeOptions,
): GeneratedFile {
  const resolver = hasFeature('nginx', nginxVersion, 'resolve') ? { resolver: '127.0.0.11' } : {};
  const place = { upstreams: [`app:${facts.port}`], listen: proxyPort, nginxVersion, trustForwarded };
  const site = nginx.generate(facts, { ...place, ...resolver })[0] as GeneratedFile;
  return { ...site, text: proxyConfiguration(site.text) };
}

/** Compose replaces variables in all values. */
const literal = (text: string): string => text.replaceAll('$', '$$$$');

function project(facts: DeploymentFacts, checked: ComposeOptions): YamlMap {
  const { port, readsPort, health, cache, startupMs, shutdownMs } = facts;
  const { image, instances = 2, publish = port, redisImage = 'redis:7-bookworm' } = checked;
  const { proxy = true, proxyImage = 'nginx:1.28' } = checked;
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
    ...(!proxy && {
      '# one port for each container, for a proxy on this machine; Docker passes by firewalls for other addresses': true,
      ports: [`127.0.0.1:${published}:${port}`],
    }),
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
    services: {
      ...(proxy && { nginx: proxyService(proxyImage, publish, siteFile, seconds(shutdownMs) + 5) }),
      app,
      ...(cache && { redis: redisService(redisImage) }),
    },
    ...(cache && {
      networks: {
        default: {},
        '# Redis is reachable for the app only, and has no way out': true,
        cache: { internal: true },
      },
    }),
  };
}
