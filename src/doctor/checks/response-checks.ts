import type { Check } from '../audit-finding.js';
import { forRoutes } from './compression-checks.js';

/** Bytes of a body above which a few clients fill the memory. */
const largeBody = 10 * 2 ** 20;

/** Names of software. An app may set the header to a word that names nothing. */
const software = /express|node|nest|next|nuxt|sails|loopback|feathers|php|asp\.net/i;

export const responseChecks: readonly Check[] = [
  {
    id: 'cookie-in-shared-cache',
    practice: 'cached results',
    severity: 'high',
    title: 'A response for shared caches sets a cookie',
    reason: 'A cache may send the cookie of one user, such as a session, to all others.',
    fix: 'Cache-Control: private, or no cookie on this route',
    mendedByLine: false,
    find: (seen) =>
      forRoutes(seen, ({ headers }) => {
        const control = String(headers['cache-control'] ?? '');
        const isShared =
          /(?:^|,)\s*(?:public|s-maxage\s*=\s*"?[1-9])/i.test(control) && !/no-store|private/i.test(control);
        return headers['set-cookie'] !== undefined && isShared
          ? `Cache-Control: ${control}, with Set-Cookie`
          : undefined;
      }),
  },
  {
    id: 'powered-by',
    practice: 'security',
    severity: 'low',
    title: 'X-Powered-By names the framework',
    reason: 'Scanners look for it to choose their attacks.',
    fix: "productionize(app), or app.disable('x-powered-by')",
    mendedByLine: true,
    find: ({ exchanges }) => {
      const value = exchanges
        .map(({ response }) => response?.headers['x-powered-by'])
        .find((each) => software.test(String(each)));
      return value === undefined ? [] : [{ text: `X-Powered-By: ${String(value)}` }];
    },
  },
  {
    id: 'body-limit-large',
    practice: 'security',
    severity: 'medium',
    title: 'A body parser accepts large bodies',
    reason: 'A body is held in memory as a whole, and parsed in one piece: a few clients stop the process.',
    fix: 'a smaller limit on the parser, and streams for uploads',
    mendedByLine: false,
    find: ({ app }) => [
      ...((app?.bodyLimitBytes ?? 0) > largeBody
        ? [{ text: `the limit is ${Math.round((app?.bodyLimitBytes ?? 0) / 2 ** 20)} MB` }]
        : []),
      ...(app?.unlimitedParsers ? [{ text: 'a parser has no limit' }] : []),
    ],
  },
  {
    id: 'request-timeout-off',
    practice: 'security',
    severity: 'medium',
    title: 'A request may take any time to arrive',
    reason:
      'Clients that send one byte a minute hold all connections of the process, which Node limits by default.',
    fix: 'leave server.headersTimeout and server.requestTimeout as they are, or set one to 60_000',
    mendedByLine: false,
    find: ({ process }) =>
      process && process.headersTimeoutMs === 0 && process.requestTimeoutMs === 0
        ? [{ text: 'headersTimeout and requestTimeout are 0' }]
        : [],
  },
];
