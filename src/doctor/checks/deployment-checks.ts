import type { Finding } from '../../deploy/check/finding.js';
import type { Check, Evidence } from '../audit-finding.js';

const ofProxies = /^(?:nginx|haproxy)\//;

export const deploymentChecks: readonly Check[] = [
  {
    id: 'proxy-file',
    practice: 'reverse proxy',
    severity: 'medium',
    title: 'A file of the reverse proxy disagrees with the app',
    reason:
      'The proxy cuts off, repeats or changes requests that the app is written for: clients see 502, 504 or 413.',
    fix: 'what the evidence states, or `express-productionize deploy nginx`, which writes the file from the app',
    mendedByLine: false,
    find: ({ filesAround }) => filesAround.filter(({ id }) => ofProxies.test(id)).map(describe),
  },
  {
    id: 'service-file',
    practice: 'restarts',
    severity: 'medium',
    title: 'A file that starts the app disagrees with it',
    reason: 'The app runs in development mode, as root or behind npm, or is killed while it still responds.',
    fix: 'what the evidence states, or `express-productionize deploy systemd`, which writes the file from the app',
    mendedByLine: false,
    find: ({ filesAround }) => filesAround.filter(({ id }) => !ofProxies.test(id)).map(describe),
  },
];

function describe({ id, file, line, found, expected, fix }: Finding): Evidence {
  return { text: `${id}: ${found}; ${expected}; write ${fix}`, file, line };
}
