import type { Check } from '../audit-finding.js';
import type { ResponseObservation } from '../observations.js';
import { fingerprinted } from '../probe/static-paths.js';

const practice = 'static files';
const daySeconds = 86_400;

export const staticChecks: readonly Check[] = [
  {
    id: 'static-not-cached',
    practice,
    severity: 'low',
    title: 'Static files that never change are requested again',
    reason:
      'Each page view sends a request for each of its files, and waits for the network before it is shown.',
    fix: "express.static('public', { maxAge: '1y', immutable: true }) for files with a hash in their names",
    mendedByLine: false,
    find: ({ exchanges }) =>
      exchanges.flatMap(({ kind, path, response }) => {
        if (kind !== 'static' || response?.status !== 200) return [];
        const text = fingerprinted.test(path) ? shortAge(response) : withoutHeaders(response);
        return text === undefined ? [] : [{ text, route: `GET ${path}` }];
      }),
  },
  {
    id: 'response-sent-again',
    practice: 'cached results',
    severity: 'low',
    title: 'An unchanged response is sent as a whole each time',
    reason:
      'Without ETag, Last-Modified and Cache-Control no client and no cache can store or revalidate it.',
    fix: 'res.send(body), which adds an ETag, or res.set("Cache-Control", "max-age=60")',
    mendedByLine: false,
    find: ({ exchanges }) =>
      exchanges
        .filter(({ repeated }) => repeated)
        .map(({ path, response }) => ({
          text: `two responses of ${response?.bytes} bytes were the same`,
          route: `GET ${path}`,
        })),
  },
];

function shortAge({ headers }: ResponseObservation): string | undefined {
  const control = String(headers['cache-control'] ?? '');
  const [, seconds = '0'] = /max-age\s*=\s*"?(\d+)/i.exec(control) ?? [];
  if (/no-store|private/i.test(control) || Number(seconds) >= daySeconds) return undefined;
  return `the name has a hash of the content; Cache-Control: ${control || 'none'}`;
}

function withoutHeaders({ headers }: ResponseObservation): string | undefined {
  const names = ['cache-control', 'etag', 'last-modified', 'expires'];
  return names.some((name) => headers[name] !== undefined)
    ? undefined
    : 'no Cache-Control, no ETag and no Last-Modified';
}
