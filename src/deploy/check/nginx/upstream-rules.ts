import { keepaliveSeconds } from '../../proxy-target.js';
import type { Disagreement, Rule } from '../finding.js';
import { type Block, type Directive, mapOf, named, textOf } from './nginx-reader.js';
import { effective, hasIncludes, headerOf, portOf, type Route, routesOf, timeOf } from './proxied-routes.js';

/** nginx closes idle connections to an upstream after this time by default. */
const usualIdleMs = 60_000;

const inUpstream = ({ upstream }: Route, name: string): Directive | undefined =>
  upstream?.block && named(upstream.block, name).at(-1);

const keepsConnections = (route: Route): boolean => Number(inUpstream(route, 'keepalive')?.args[0] ?? 0) > 0;

const requestsReuse: Rule<Block>['applies'] = (facts) => keepaliveSeconds(facts) > 0;

const idleTimeout: Rule<Block> = {
  id: 'nginx/idle-timeout',
  reason:
    'nginx sends a request on a connection that the app closes at the same moment, and responds with 502',
  applies: ({ keepAliveTimeoutMs }) => keepAliveTimeoutMs > 0,
  find: (root, { facts }) =>
    routesOf(root, facts)
      .filter(keepsConnections)
      .flatMap((route): Disagreement[] => {
        const timeout = inUpstream(route, 'keepalive_timeout');
        const place = timeout ?? (inUpstream(route, 'keepalive') as Directive);
        const idleMs = timeout ? timeOf(timeout.args[0]) : usualIdleMs;
        if (idleMs === undefined || idleMs < facts.keepAliveTimeoutMs) return [];
        const seconds = keepaliveSeconds(facts);
        return [
          {
            line: place.line,
            found: `${textOf(place)}${timeout ? '' : ' without keepalive_timeout, which is 60s'}`,
            expected: `the app closes idle connections after ${facts.keepAliveTimeoutMs} ms`,
            fix:
              seconds > 0 ? `keepalive_timeout ${seconds}s;` : 'in the app: server.keepAliveTimeout = 65_000',
          },
        ];
      }),
};

const noKeepalive: Rule<Block> = {
  id: 'nginx/no-keepalive',
  reason: 'each request opens a connection to the app, which costs time and ports',
  applies: requestsReuse,
  find: (root, { facts }) =>
    routesOf(root, facts)
      .filter(
        (route) => !keepsConnections(route) && (route.upstream !== undefined || route.servers.length > 0),
      )
      .filter(({ upstream }) => !upstream?.block || named(upstream.block, 'include').length === 0)
      .map(({ upstream, pass }) => ({
        line: (upstream ?? pass).line,
        found: upstream
          ? `${textOf(upstream)} without keepalive`
          : `${textOf(pass)} without an upstream block`,
        expected: `the app holds idle connections for ${facts.keepAliveTimeoutMs} ms`,
        fix: `${upstream ? '' : `upstream app { server ${pass.args[0]?.replace(/^\w+:\/\/|\/.*$/g, '')}; `}keepalive 32; keepalive_timeout ${keepaliveSeconds(facts)}s;${upstream ? '' : ' }'}`,
      })),
};

const connectionClose: Rule<Block> = {
  id: 'nginx/connection-close',
  reason: 'the connections that keepalive is to hold are closed after each request',
  applies: requestsReuse,
  find: (root, { facts }) =>
    routesOf(root, facts)
      .filter((route) => keepsConnections(route) && !hasIncludes(route))
      .flatMap((route): Disagreement[] => {
        const version = effective(route, 'proxy_http_version');
        const expected = 'the app holds connections open for HTTP/1.1 without Connection: close';
        const fix = 'proxy_http_version 1.1; proxy_set_header Connection "";';
        if (version === undefined || version.args[0] === '1.0') {
          const { line } = version ?? route.pass;
          const found = version ? textOf(version) : `${textOf(route.pass)} without proxy_http_version`;
          return [{ line, found, expected, fix }];
        }
        const header = headerOf(route, 'Connection');
        if (header === undefined) {
          const found = `${textOf(route.pass)} without proxy_set_header Connection`;
          return [{ line: route.pass.line, found, expected, fix }];
        }
        const usual = valueWithoutUpgrade(root, header.args[1] ?? '');
        return /^close$/i.test(usual.text)
          ? [
              {
                line: (usual.place ?? header).line,
                found: textOf(usual.place ?? header),
                expected,
                fix: usual.place ? '"" "";' : fix,
              },
            ]
          : [];
      }),
};

/** The value of a variable for a request without `Upgrade`. */
function valueWithoutUpgrade(root: Block, text: string): { text: string; place?: Directive } {
  const map = mapOf(root, text);
  const entries = map?.block?.directives ?? [];
  const place = entries.find(({ name }) => name === '') ?? entries.find(({ name }) => name === 'default');
  return map ? { text: place?.args[0] ?? '', place } : { text };
}

const repeatedPosts: Rule<Block> = {
  id: 'nginx/repeated-posts',
  reason: 'a POST that one instance may have handled is sent to another one, and runs twice',
  find: (root, { facts }) =>
    routesOf(root, facts).flatMap((route): Disagreement[] => {
      const retries = effective(route, 'proxy_next_upstream');
      if (!retries?.args.includes('non_idempotent')) return [];
      return [
        {
          line: retries.line,
          found: textOf(retries),
          expected: 'the app runs each POST that it receives',
          fix: `proxy_next_upstream ${retries.args.filter((arg) => arg !== 'non_idempotent').join(' ') || 'error timeout'};`,
        },
      ];
    }),
};

const usualFailMs = 10_000;

const maxFails: Rule<Block> = {
  id: 'nginx/max-fails',
  reason:
    'one refused request during a restart takes the instance out for 10 seconds, and a restart of each takes out all',
  find: (root, { facts }) =>
    routesOf(root, facts)
      .filter(({ upstream, servers }) => upstream !== undefined && servers.filter(isUsual).length > 1)
      .flatMap(({ servers }) => servers.filter((server) => isUsual(server) && isTakenOut(server)).slice(0, 1))
      .map((server) => ({
        line: server.line,
        found: textOf(server),
        expected: 'an instance of the app is back within seconds of its restart',
        fix: `server ${[...server.args.filter((arg) => !/^(max_fails|fail_timeout)=/.test(arg)), 'max_fails=0'].join(' ')};`,
      })),
};

const isUsual = ({ args }: Directive): boolean => !args.includes('backup') && !args.includes('down');

function isTakenOut({ args }: Directive): boolean {
  const parameter = (name: string) => args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
  if (Number(parameter('max_fails') ?? 1) === 0) return false;
  return (timeOf(parameter('fail_timeout')) ?? usualFailMs) >= usualFailMs;
}

const port: Rule<Block> = {
  id: 'nginx/port',
  reason: 'nothing listens there, and every request is a 502',
  // another port may be in PORT
  applies: ({ readsPort }) => !readsPort,
  find: (root, { facts }) =>
    routesOf(root, facts).flatMap(({ pass, upstream, servers }): Disagreement[] => {
      const [server, second] = servers;
      if (server === undefined || second || !isLocal(server) || portOf(server) === facts.port) return [];
      const place = upstream ? server : pass;
      const [address = ''] = server.args;
      return [
        {
          line: place.line,
          found: textOf(place),
          expected: `the app listens on port ${facts.port} and does not read PORT`,
          fix: textOf(place).replace(address, `${address.replace(/:\d+$/, '')}:${facts.port}`),
        },
      ];
    }),
};

const isLocal = ({ args }: Directive): boolean => /^(127\.|localhost\b|\[::1\])/.test(args[0] ?? '');

export const upstreamRules: readonly Rule<Block>[] = [
  idleTimeout,
  noKeepalive,
  connectionClose,
  repeatedPosts,
  maxFails,
  port,
];
