import path from 'node:path';
import type { SyncIoFinding } from '../../middleware/sync-io/sync-report.js';
import type { Check, Evidence } from '../audit-finding.js';

export const synchronousCallChecks: readonly Check[] = [
  {
    id: 'synchronous-call',
    practice: 'synchronous calls',
    severity: 'high',
    title: 'A request calls a synchronous function',
    reason: 'While it runs, the process does nothing else: no other request, no health check, no timer.',
    fix: 'use the asynchronous function, such as `await fs.promises.readFile(file)`, or call it once at the start',
    mendedByLine: false,
    find: ({ syncCalls }) => syncCalls.filter(({ reason }) => reason === undefined).map(describe),
  },
  {
    id: 'blocking-log',
    practice: 'logging',
    severity: 'medium',
    title: 'A request writes to the console, which blocks',
    reason: 'console.log to a file or a terminal waits for the disk, in every request that writes a line.',
    fix: 'productionize(app) and req.log.info(…), which write in the background',
    mendedByLine: false,
    find: ({ syncCalls }) => syncCalls.filter(({ reason }) => reason !== undefined).map(describe),
  },
  {
    id: 'trace-id-missing',
    practice: 'logging',
    severity: 'medium',
    title: 'Log lines have no trace id, although OpenTelemetry runs',
    reason: 'The lines of one request cannot be found by its trace, and no trace by a line of an error.',
    fix: 'productionize(app), or the OpenTelemetry instrumentation of your logger',
    mendedByLine: false,
    find: ({ tracedLines }) =>
      tracedLines.some(({ hasTraceId }) => hasTraceId) ? [] : tracedLines.map(({ text }) => ({ text })),
  },
];

function describe({ api, site, method, route }: SyncIoFinding): Evidence {
  const [, file, line] = /^(.*):(\d+):\d+$/.exec(site) ?? [];
  return {
    text: api,
    ...(file !== undefined && { file: path.relative('', file), line: Number(line) }),
    ...(route !== undefined && { route: `${method} ${route}` }),
  };
}
