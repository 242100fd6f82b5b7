import type { Check } from '../audit-finding.js';

/** Milliseconds for which common balancers hold an idle connection. */
const balancerIdleMs = 60_000;

export const proxyChecks: readonly Check[] = [
  {
    id: 'keep-alive-short',
    practice: 'load balancer',
    severity: 'medium',
    title: 'Idle connections are closed earlier than balancers expect',
    reason: 'A balancer that sends a request at this moment gets a reset, and its client a 502.',
    fix: 'productionize(app), or server.keepAliveTimeout = 65_000',
    mendedByLine: true,
    find: ({ process }) =>
      process && process.keepAliveTimeoutMs > 0 && process.keepAliveTimeoutMs <= balancerIdleMs
        ? [
            {
              text: `keepAliveTimeout is ${process.keepAliveTimeoutMs} ms; AWS ALB and nginx hold connections for 60 s`,
            },
          ]
        : [],
  },
  {
    id: 'trust-proxy-all',
    practice: 'reverse proxy',
    severity: 'medium',
    title: 'Every proxy is trusted',
    reason:
      'A client chooses its own req.ip by X-Forwarded-For: limits of rates and lists of addresses have no effect.',
    fix: "app.set('trust proxy', 1), the number of your proxies",
    mendedByLine: false,
    find: ({ app }) => (app?.settings.trustProxy === 'all' ? [{ text: "'trust proxy' is true" }] : []),
  },
  {
    id: 'secure-cookie-without-proxy',
    practice: 'reverse proxy',
    severity: 'high',
    title: 'Secure session cookies are never set behind a proxy',
    reason:
      'express-session sets a secure cookie on encrypted requests only, and the app does not trust the proxy that decrypts.',
    fix: "app.set('trust proxy', 1)",
    mendedByLine: false,
    find: ({ app }) =>
      app?.settings.trustProxy !== 'off'
        ? []
        : app.sessions
            .filter(({ kind, secure }) => kind === 'express-session' && secure === true)
            .map(({ cookie }) => ({ text: `the cookie ${cookie} is secure, and 'trust proxy' is off` })),
  },
  {
    id: 'sessions-in-memory',
    practice: 'cluster',
    severity: 'high',
    title: 'Sessions are in the memory of one process',
    reason:
      'Each restart ends all sessions, other processes do not know them, and their memory is never released.',
    fix: 'a store such as connect-redis',
    mendedByLine: false,
    find: ({ app }) =>
      (app?.sessions ?? [])
        .filter(({ inMemory }) => inMemory)
        .map(({ cookie }) => ({ text: `the sessions of the cookie ${cookie}` })),
  },
];
