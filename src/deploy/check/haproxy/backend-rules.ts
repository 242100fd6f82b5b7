import type { DeploymentFacts } from '../../deployment-facts.js';
import { keepaliveSeconds, responseSeconds } from '../../proxy-target.js';
import type { Disagreement, Rule } from '../finding.js';
import { type BalancedApp, balancedApps, last, linesFor, portOfServer, timeOfWord } from './balanced-apps.js';
import type { Line, Section } from './haproxy-reader.js';

type File = readonly Section[];

/** HAProxy closes idle connections to a server after this time by default. */
const usualIdleMs = 5000;
const silentMs = 60_000;

const found = ({ line, text }: Line) => ({ line, found: text });
const headOf = ({ kind, name, line }: Section, without: string) => ({
  line,
  found: `${kind} ${name} without ${without}`,
});

const reuses = ({ backend }: BalancedApp): boolean => last(backend, 'http-reuse')?.words[1] !== 'never';

const idleTimeout: Rule<File> = {
  id: 'haproxy/idle-timeout',
  reason: 'HAProxy sends a request on a connection that the app closes at the same moment',
  applies: ({ keepAliveTimeoutMs }) => keepAliveTimeoutMs > 0,
  find: (file, { facts }) =>
    balancedApps(file, facts)
      .filter(reuses)
      .flatMap(({ backend, servers }): Disagreement[] => {
        const lines = [last(backend, 'default-server'), ...servers].filter((line) => line !== undefined);
        const delay = lines.find(({ words }) => words.includes('pool-purge-delay'));
        const idleMs = delay
          ? timeOfWord(delay.words[delay.words.indexOf('pool-purge-delay') + 1])
          : usualIdleMs;
        if (idleMs === undefined || idleMs < facts.keepAliveTimeoutMs) return [];
        return [
          {
            ...(delay ? found(delay) : headOf(backend, 'pool-purge-delay, which is 5s')),
            expected: `the app closes idle connections after ${facts.keepAliveTimeoutMs} ms`,
            fix:
              facts.keepAliveTimeoutMs > usualIdleMs
                ? 'default-server pool-purge-delay 5s'
                : 'http-reuse never, or in the app: server.keepAliveTimeout = 65_000',
          },
        ];
      }),
};

const noKeepalive: Rule<File> = {
  id: 'haproxy/no-keepalive',
  reason: 'each request opens a connection to the app, which costs time and ports',
  applies: (facts) => keepaliveSeconds(facts) > 0,
  find: (file, { facts }) =>
    balancedApps(file, facts).flatMap((app): Disagreement[] => {
      const closing = [
        last(app.backend, 'option', 'http-server-close'),
        last(app.backend, 'option', 'httpclose'),
        reuses(app) ? undefined : last(app.backend, 'http-reuse'),
      ].filter((line) => line !== undefined);
      return closing.map((line) => ({
        ...found(line),
        expected: `the app holds idle connections for ${facts.keepAliveTimeoutMs} ms`,
        fix: 'option http-keep-alive, and http-reuse safe',
      }));
    }),
};

const repeatedPosts: Rule<File> = {
  id: 'haproxy/repeated-posts',
  reason: 'a POST that one instance may have handled is sent again, and runs twice',
  find: (file, { facts }) =>
    balancedApps(file, facts).flatMap((app): Disagreement[] => {
      const retries = last(app.backend, 'retry-on');
      const mayHaveRun = retries?.words.slice(1).some((event) => !harmless.has(event)) ?? false;
      const isLimited = linesFor(app).some(({ words }) => words[1] === 'disable-l7-retry');
      if (retries === undefined || !mayHaveRun || isLimited) return [];
      const expected = 'the app runs each POST that it receives';
      return [
        { ...found(retries), expected, fix: 'http-request disable-l7-retry if !{ method GET HEAD OPTIONS }' },
      ];
    }),
};

/** Events before a request has reached an instance. */
const harmless = new Set(['none', 'conn-failure', '0rtt-rejected']);

const readTimeout: Rule<File> = {
  id: 'haproxy/read-timeout',
  reason: 'HAProxy responds with 504 before the app responds with its own 503',
  applies: ({ responseTimeoutMs }) => responseTimeoutMs !== null,
  find: (file, { facts }) =>
    shortTimeouts(file, facts.responseTimeoutMs as number, facts, isAlways, {
      expected: `the app limits a response to ${facts.responseTimeoutMs} ms`,
      fix: `timeout server ${responseSeconds(facts)}s`,
    }),
};

const eventStreamTimeout: Rule<File> = {
  id: 'haproxy/event-stream-timeout',
  reason: 'HAProxy ends an event stream that is silent for a minute',
  applies: ({ eventStreamPaths }) => eventStreamPaths.length > 0,
  find: (file, { facts }) =>
    shortTimeouts(file, silentMs, facts, () => true, {
      expected: `the app sends events at ${facts.eventStreamPaths.join(', ')}`,
      fix: `http-request set-timeout server 1h if { path_beg ${facts.eventStreamPaths.join(' ')} }`,
    }),
};

/** Whether a line acts on every request. */
const isAlways = ({ words }: Line): boolean => !words.includes('if') && !words.includes('unless');

function shortTimeouts(
  file: File,
  ms: number,
  facts: DeploymentFacts,
  counts: (line: Line) => boolean,
  side: Pick<Disagreement, 'expected' | 'fix'>,
): Disagreement[] {
  return balancedApps(file, facts).flatMap((app): Disagreement[] => {
    const timeout = last(app.backend, 'timeout', 'server');
    const limit = timeOfWord(timeout?.words[2]);
    const isLonger = linesFor(app).some(
      (line) =>
        counts(line) &&
        /\bset-timeout server\b/.test(line.text) &&
        (timeOfWord(line.words[3]) ?? Infinity) > ms,
    );
    return timeout === undefined || limit === undefined || limit > ms || isLonger
      ? []
      : [{ ...found(timeout), ...side }];
  });
}

const webSocket: Rule<File> = {
  id: 'haproxy/web-socket',
  reason: 'a WebSocket without messages ends with the timeout of ordinary requests',
  applies: ({ webSocketPaths }) => webSocketPaths.length > 0,
  find: (file, { facts }) =>
    balancedApps(file, facts)
      .filter(({ backend }) => !last(backend, 'timeout', 'tunnel') && last(backend, 'timeout', 'server'))
      .map(({ backend }) => ({
        ...headOf(backend, 'timeout tunnel'),
        expected: `the app accepts WebSockets at ${facts.webSocketPaths.join(', ')}`,
        fix: 'timeout tunnel 1h',
      })),
};

const doubleCompression: Rule<File> = {
  id: 'haproxy/double-compression',
  reason: 'both sides compress: the app leaves out what must not be compressed, and HAProxy does not',
  applies: ({ compression }) => compression,
  find: (file, { facts }) =>
    balancedApps(file, facts).flatMap((app): Disagreement[] => {
      const lines = linesFor(app).filter(({ words }) => words[0] === 'compression');
      if (lines.some(({ words }) => words[1] === 'offload')) return [];
      return lines
        .filter(({ words }) => words[1] === 'algo')
        .map((line) => ({ ...found(line), expected: 'the app compresses', fix: `remove \`${line.text}\`` }));
    }),
};

const port: Rule<File> = {
  id: 'haproxy/port',
  reason: 'nothing listens there, and every request is a 503',
  // another port may be in PORT
  applies: ({ readsPort }) => !readsPort,
  find: (file, { facts }) =>
    balancedApps(file, facts).flatMap(({ servers }): Disagreement[] => {
      const [server, second] = servers;
      const address = server?.words[2] ?? '';
      if (server === undefined || second || !/^(127\.|localhost:|\[::1\]|::1:)/.test(address)) return [];
      if (portOfServer(server) === facts.port) return [];
      const fix = server.text.replace(address, `${address.replace(/:\d+$/, '')}:${facts.port}`);
      const expected = `the app listens on port ${facts.port} and does not read PORT`;
      return [{ ...found(server), expected, fix }];
    }),
};

export const backendRules: readonly Rule<File>[] = [
  idleTimeout,
  noKeepalive,
  repeatedPosts,
  readTimeout,
  eventStreamTimeout,
  webSocket,
  doubleCompression,
  port,
];
