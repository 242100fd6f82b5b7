import type { Check, Evidence } from '../audit-finding.js';
import type { LayerObservation } from '../observations.js';
import { uncompressed } from './compression-checks.js';

const sessions = /^(?:express-session|cookie-session)$/;

export const orderChecks: readonly Check[] = [
  {
    id: 'compression-late',
    practice: 'compression',
    severity: 'medium',
    title: 'The compression follows routes',
    reason:
      'Express calls middleware in the order of app.use(), so responses of the routes in front of it are not compressed.',
    fix: 'move app.use(compression()) in front of the routes',
    mendedByLine: true,
    find: (seen) => uncompressed(seen).late,
  },
  {
    id: 'static-behind-session',
    practice: 'static files',
    severity: 'low',
    title: 'Each static file loads a session',
    reason: 'A page with 20 files reads the store of sessions 21 times, before the first byte of each file.',
    fix: 'move app.use(express.static(…)) in front of app.use(session(…))',
    mendedByLine: false,
    find: ({ app }) => behindSession(app?.layers ?? []),
  },
];

/** A middleware of the app between both may allow or refuse the request by its session, which is a reason for the order. */
function behindSession(layers: readonly LayerObservation[]): Evidence[] {
  const found: Evidence[] = [];
  let session: LayerObservation | undefined;
  for (const layer of layers) {
    const { package: name, kind, path } = layer;
    if (name !== undefined && sessions.test(name) && path === '') session = layer;
    else if (name === undefined && kind !== 'handler') session = undefined;
    else if (session && name === 'serve-static') {
      found.push({ text: `express.static follows ${session.package}`, route: `use ${path || '/'}` });
    }
  }
  return found;
}
