import type { Check } from '../audit-finding.js';

const practice = 'exceptions';

export const streamChecks: readonly Check[] = [
  {
    id: 'stream-error',
    practice,
    severity: 'high',
    title: 'The failure of a stream ends the process, or leaves a request without an end',
    reason:
      'pipe() passes no error on: a file that disappears ends the process, or its client waits without end.',
    fix: "pipeline(stream, res, next) of node:stream, res.sendFile(path), or productionize(app), whose 'streamErrors' does it",
    mendedByLine: true,
    find: ({ streams }) =>
      streams
        .filter(({ failure }) => failure !== 'response ended')
        .map(({ path, failure }) => ({
          text: failure === 'no end' ? 'the response has no end' : 'the process ended',
          route: `GET ${path}`,
        })),
  },
  {
    id: 'descriptor-leak',
    practice,
    severity: 'high',
    title: 'A request that its client aborts leaves a file open',
    reason:
      'pipe() does not close its source when the client goes: after some thousand aborts no file and no socket opens.',
    fix: "pipeline(stream, res, next) of node:stream, res.sendFile(path), or productionize(app), whose 'streamErrors' does it",
    mendedByLine: true,
    find: ({ streams }) =>
      streams.flatMap(({ path, leakedFiles }) =>
        leakedFiles.map((file) => ({
          text: `3 aborted requests left 3 descriptors of ${file}`,
          route: `GET ${path}`,
        })),
      ),
  },
];
