import type { Check, Evidence } from '../audit-finding.js';
import type { LayerObservation, ResponseObservation } from '../observations.js';

const routeOf = ({ method, path }: LayerObservation): string => `${method ?? 'use'} ${path ?? 'a pattern'}`;
const practice = 'exceptions';

export const exceptionChecks: readonly Check[] = [
  {
    id: 'async-handler-unhandled',
    practice,
    severity: 'high',
    title: 'Express 4 does not handle the rejection of an async handler',
    reason: 'The request gets no response until it times out, and Node ends the process by default.',
    fix: 'productionize(app), or wrapAsync around the handler',
    mendedByLine: true,
    find: ({ app }) =>
      app?.express !== 4 || app.productionized
        ? []
        : app.layers
            .filter(({ mayReject }) => mayReject)
            .map((layer) => ({ text: `async function ${layer.name}`, route: routeOf(layer) })),
  },
  {
    id: 'error-handler-parameters',
    practice,
    severity: 'high',
    title: 'An error handler does not have four parameters',
    reason: 'Express calls it for ordinary requests, and never for an error.',
    fix: 'declare (err, req, res, next), without default values',
    mendedByLine: false,
    find: ({ app }) =>
      (app?.errorHandlersWithWrongLength ?? []).map((name) => ({ text: `function ${name}` })),
  },
  {
    id: 'error-handler-early',
    practice,
    severity: 'high',
    title: 'Routes follow the error handler',
    reason: 'Express passes an error to the handlers that follow only, so errors of these routes bypass it.',
    fix: 'move app.use(errorHandler) behind the routes',
    mendedByLine: false,
    find: ({ app }) => (app ? behindErrorHandler(app.layers) : []),
  },
  {
    id: 'stack-in-response',
    practice,
    severity: 'high',
    title: 'A response contains a stack',
    reason: 'It shows paths, packages and their versions to every client, and often values of variables.',
    fix: 'productionize(app), or respond with a text of your own in the error handler',
    mendedByLine: true,
    find: ({ exchanges }) =>
      exchanges.flatMap(({ method, path, response }) =>
        response &&
        /\n\s+at .+[(:].+:\d+:\d+/.test(
          response.text.replace(/<br\s*\/?>|\\n/g, '\n').replace(/&nbsp;/g, ' '),
        )
          ? [{ text: `status ${response.status}`, route: `${method} ${path}` }]
          : [],
      ),
  },
  {
    id: 'no-response',
    practice,
    severity: 'high',
    title: 'A request gets no response',
    reason: 'The client waits until it gives up, and the connection and its memory stay occupied.',
    fix: 'call next(error) or send a response on every path through the handler; deadline() limits the time',
    mendedByLine: false,
    find: ({ exchanges }) =>
      exchanges.flatMap(({ method, path, failure, response }) => {
        const text = failure ?? (response && lacksBody(response) ? 'headers without a body' : undefined);
        return text === undefined ? [] : [{ text, route: `${method} ${path}` }];
      }),
  },
  {
    id: 'exception-ignored',
    practice,
    severity: 'high',
    title: 'The process continues after an exception that nothing catches',
    reason:
      'Its state is unknown from there on: connections, locks and memory that the code did not give back.',
    fix: 'end the process in the listener for uncaughtException; productionize(app) does it after the other requests',
    mendedByLine: true,
    find: ({ continuesAfterException }) =>
      continuesAfterException === true
        ? [{ text: 'an exception was thrown, and the process did not end' }]
        : [],
  },
  {
    id: 'domain',
    practice,
    severity: 'medium',
    title: 'The module `domain` is used',
    reason: 'It is deprecated, because it cannot clean up what an exception interrupts.',
    fix: 'remove it: asynchronous handlers pass their errors to Express',
    mendedByLine: false,
    find: ({ process }) => (process?.usesDomain ? [{ text: 'node:domain is loaded' }] : []),
  },
];

/** Responses whose body may start at any time. */
const streams =
  /^(?:text\/event-stream|multipart\/|application\/(?:x-)?(?:nd|stream\+)json|application\/json-seq)/;

function lacksBody({ awaited, headers }: ResponseObservation): boolean {
  return awaited === 'all' && !streams.test(String(headers['content-type']));
}

function behindErrorHandler(layers: readonly LayerObservation[]): Evidence[] {
  const first = layers.findIndex(({ kind, path }) => kind === 'error handler' && path === '');
  if (first < 0) return [];
  const isLast = layers
    .slice(first)
    .some((layer, i) => i > 0 && layer.kind === 'error handler' && layer.path === '');
  return isLast
    ? []
    : layers
        .slice(first)
        .filter(({ kind }) => kind === 'handler')
        .map((layer) => ({ text: `behind ${layers[first]?.name}`, route: routeOf(layer) }));
}
