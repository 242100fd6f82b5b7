import type { Check } from '../audit-finding.js';
import type { Exchange } from '../observations.js';

const practice = 'restarts';

/** The last day of support of each line of Node (https://github.com/nodejs/release#release-schedule). */
const endOfLife: Readonly<Record<number, string>> = {
  14: '2023-04-30',
  16: '2023-09-11',
  18: '2025-04-30',
  19: '2023-06-01',
  20: '2026-04-30',
  21: '2024-06-01',
  22: '2027-04-30',
  23: '2025-06-01',
  24: '2028-04-30',
  25: '2026-06-01',
};

export const restartChecks: readonly Check[] = [
  {
    id: 'sigterm-loses-requests',
    practice,
    severity: 'high',
    title: 'SIGTERM interrupts requests',
    reason:
      'Each deployment, each restart and each smaller cluster sends it, and clients receive reset connections.',
    fix: 'productionize(app): requests finish before the process ends',
    mendedByLine: true,
    find: ({ shutdown }) =>
      shutdown === null || shutdown.responded
        ? []
        : [
            {
              text: `a request that was half sent got no response; the process ended with ${shutdown.signal ?? `exit code ${shutdown.code}`}`,
            },
          ],
  },
  {
    id: 'sigterm-ignored',
    practice,
    severity: 'high',
    title: 'The process does not end after SIGTERM',
    reason: 'Supervisors kill it after 10 seconds, with all requests that are in flight then.',
    fix: 'productionize(app), or end the process in the listener for SIGTERM',
    mendedByLine: true,
    find: ({ shutdown }) => (shutdown === null || shutdown.ended ? [] : [{ text: 'it ran after 9 seconds' }]),
  },
  {
    id: 'readiness-missing',
    practice: 'load balancer',
    severity: 'medium',
    title: 'No path shows whether the app is ready',
    reason: 'A balancer sends requests to an instance that starts, stops or has lost its database.',
    fix: 'productionize(app): /readyz, or healthChecks()',
    mendedByLine: true,
    find: ({ app, exchanges }) =>
      typeof app?.readinessPath === 'string' || exchanges.some(isHealthy(exchanges))
        ? []
        : [{ text: 'no /readyz, /healthz, /health, /livez, /ping or /status' }],
  },
  {
    id: 'node-end-of-life',
    practice: 'security',
    severity: 'medium',
    title: 'This line of Node gets no security fixes',
    reason: 'Known holes in it stay open.',
    fix: 'run a line in long-term support: https://nodejs.org/en/about/previous-releases',
    mendedByLine: false,
    find: ({ process, today }) => {
      const major = Number(/\d+/.exec(process?.nodeVersion ?? '')?.[0]);
      const last = endOfLife[major] ?? (major < 14 ? '2022-04-30' : undefined);
      return last !== undefined && !(last > today)
        ? [{ text: `Node ${process?.nodeVersion}: supported until ${last}` }]
        : [];
    },
  },
];

/** The name of a health check, below any path. */
const healthRoute = /\/(?:readyz?|healthz?|livez|ping|status)$/;

/** An app may respond to every path, with one page. */
function isHealthy(exchanges: readonly Exchange[]): (exchange: Exchange) => boolean {
  const page = exchanges.find(({ kind }) => kind === 'missing')?.response;
  return ({ kind, path, response }) =>
    (kind === 'health' || healthRoute.test(path)) &&
    response?.status === 200 &&
    !(page?.status === 200 && page.text === response.text);
}
