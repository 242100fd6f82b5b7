import type { DeploymentFacts } from '../../deployment-facts.js';
import { responseSeconds } from '../../proxy-target.js';
import type { Disagreement, Rule } from '../finding.js';
import { errorPageRules } from './error-page-rules.js';
import { type Block, textOf } from './nginx-reader.js';
import { effective, hasIncludes, headerOf, type Route, routesOf, sizeOf, timeOf } from './proxied-routes.js';
import { routeOfPath } from './route-of-path.js';

const usualBodyBytes = 2 ** 20;
const usualReadMs = 60_000;

const bodyLimit: Rule<Block> = {
  id: 'nginx/body-limit',
  reason: 'nginx responds with 413 to bodies that the app accepts',
  applies: ({ bodyLimitBytes }) => bodyLimitBytes !== null,
  find(root, { facts }) {
    const routes = routesOf(root, facts);
    const limits = routes.map((route) => effective(route, 'client_max_body_size'));
    const bytes = limits.map((limit) => (limit ? sizeOf(limit.args[0]) : usualBodyBytes));
    const expected = facts.bodyLimitBytes as number;
    const accepts = (size: number | undefined) => size === undefined || size === 0 || size >= expected;
    // a larger limit of one location is enough: which route has which parser is not known
    if (bytes.length === 0 || bytes.some(accepts)) return [];
    if (limits.includes(undefined) && routes.some(hasIncludes)) return [];
    const place = limits.find((limit) => limit !== undefined);
    const { pass } = routes[0] as Route;
    return [
      {
        line: (place ?? pass).line,
        found: place ? textOf(place) : `${textOf(pass)} without client_max_body_size, which is 1m`,
        expected: `the app accepts bodies of up to ${expected} bytes`,
        fix: `client_max_body_size ${expected};`,
      },
    ];
  },
};

const endlessBodies: Rule<Block> = {
  id: 'nginx/endless-bodies',
  reason: 'nginx writes a body of any size to its disk before the app refuses it',
  applies: ({ bodyLimitBytes }) => bodyLimitBytes !== null,
  find: (root, { facts }) =>
    routesOf(root, facts).flatMap((route): Disagreement[] => {
      const limit = effective(route, 'client_max_body_size');
      if (limit === undefined || sizeOf(limit.args[0]) !== 0) return [];
      if (effective(route, 'proxy_request_buffering')?.args[0] === 'off') return [];
      const expected = `the app accepts bodies of up to ${facts.bodyLimitBytes} bytes`;
      const fix = `client_max_body_size ${facts.bodyLimitBytes};`;
      return [{ line: limit.line, found: textOf(limit), expected, fix }];
    }),
};

const readTimeout: Rule<Block> = {
  id: 'nginx/read-timeout',
  reason: 'nginx responds with 504 before the app responds with its own 503',
  applies: ({ responseTimeoutMs }) => responseTimeoutMs !== null,
  find: (root, { facts }) =>
    routesOf(root, facts).flatMap((route) =>
      tooShort(route, facts.responseTimeoutMs as number, {
        expected: `the app limits a response to ${facts.responseTimeoutMs} ms`,
        fix: `proxy_read_timeout ${responseSeconds(facts)}s;`,
      }),
    ),
};

function tooShort(route: Route, ms: number, side: Pick<Disagreement, 'expected' | 'fix'>): Disagreement[] {
  const timeout = effective(route, 'proxy_read_timeout');
  const found = timeout ? timeOf(timeout.args[0]) : usualReadMs;
  if (found === undefined || found > ms || (timeout === undefined && hasIncludes(route))) return [];
  return timeout
    ? [{ line: timeout.line, found: textOf(timeout), ...side }]
    : [
        {
          line: route.pass.line,
          found: `${textOf(route.pass)} without proxy_read_timeout, which is 60s`,
          ...side,
        },
      ];
}

const webSocket: Rule<Block> = {
  id: 'nginx/web-socket',
  reason: 'the upgrade does not reach the app, and every WebSocket fails',
  applies: ({ webSocketPaths }) => webSocketPaths.length > 0,
  find(root, { facts }) {
    const routes = routesOf(root, facts);
    const [first] = routes;
    if (first === undefined || routes.some((route) => passesUpgrades(route) || hasIncludes(route))) return [];
    return [
      {
        line: first.pass.line,
        found: `${textOf(first.pass)} without the header Upgrade`,
        expected: `the app accepts WebSockets at ${facts.webSocketPaths.join(', ')}`,
        fix: 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;',
      },
    ];
  },
};

function passesUpgrades(route: Route): boolean {
  const value = headerOf(route, 'Upgrade')?.args[1] ?? '';
  return (
    value !== '' &&
    headerOf(route, 'Connection') !== undefined &&
    effective(route, 'proxy_http_version')?.args[0] === '1.1'
  );
}

const forEventStreams = (find: (route: Route, path: string) => Disagreement[]): Rule<Block>['find'] => {
  return (root, { facts }) =>
    facts.eventStreamPaths.flatMap((path) => {
      const route = routeOfPath(routesOf(root, facts), path);
      return route === undefined ? [] : find(route, path);
    });
};

const hasEventStreams = ({ eventStreamPaths }: DeploymentFacts): boolean => eventStreamPaths.length > 0;

const eventStreamBuffering: Rule<Block> = {
  id: 'nginx/event-stream-buffering',
  reason: 'nginx holds events back until its buffer is full',
  applies: hasEventStreams,
  find: forEventStreams((route, path) => {
    const buffering = effective(route, 'proxy_buffering');
    if (buffering?.args[0] === 'off' || (buffering === undefined && hasIncludes(route))) return [];
    const place = buffering ?? route.pass;
    const found = buffering ? textOf(place) : `${textOf(place)} without proxy_buffering off`;
    return [
      { line: place.line, found, expected: `the app sends events at ${path}`, fix: 'proxy_buffering off;' },
    ];
  }),
};

const eventStreamTimeout: Rule<Block> = {
  id: 'nginx/event-stream-timeout',
  reason: 'nginx ends an event stream that is silent for a minute',
  applies: hasEventStreams,
  find: forEventStreams((route, path) =>
    tooShort(route, usualReadMs, {
      expected: `the app sends events at ${path}`,
      fix: 'proxy_read_timeout 1h;',
    }),
  ),
};

const doubleCompression: Rule<Block> = {
  id: 'nginx/double-compression',
  reason: 'both sides compress: the app leaves out what must not be compressed, and nginx does not',
  applies: ({ compression }) => compression,
  find: (root, { facts }) =>
    routesOf(root, facts).flatMap((route): Disagreement[] => {
      const gzip = effective(route, 'gzip');
      if (gzip?.args[0] !== 'on' || headerOf(route, 'Accept-Encoding')?.args[1] === '') return [];
      return [{ line: gzip.line, found: textOf(gzip), expected: 'the app compresses', fix: 'gzip off;' }];
    }),
};

export const requestRules: readonly Rule<Block>[] = [
  bodyLimit,
  endlessBodies,
  readTimeout,
  webSocket,
  eventStreamBuffering,
  eventStreamTimeout,
  doubleCompression,
  ...errorPageRules,
];
