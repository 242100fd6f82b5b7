import { auditInTurn, describeExhibits, type Exhibit, faultsIn } from './gallery-audits.js';

const signals = true;
const express = 'express4';

/** The slowest first, so that they run beside the others. */
const exhibits: readonly Exhibit[] = [
  { id: 'exception-ignored', signals },
  { id: 'sigterm-ignored', signals },
  { id: 'sigterm-loses-requests', signals },
  { id: 'no-response' },
  { id: 'no-response', fault: 'no-response with headers' },
  { id: 'stream-error', signals },
  { id: 'stream-error', fault: 'stream-error without end', signals },
  { id: 'stream-error', fault: 'stream-error with pipeline', signals },
  { id: 'descriptor-leak', signals },
  { id: 'compression-missing' },
  { id: 'compression-late' },
  { id: 'compression-useless' },
  { id: 'compression-without-vary' },
  { id: 'compression-twice' },
  { id: 'synchronous-call' },
  { id: 'blocking-log' },
  { id: 'async-handler-unhandled', express },
  { id: 'error-handler-parameters' },
  { id: 'error-handler-early' },
  { id: 'stack-in-response' },
  { id: 'domain' },
  { id: 'view-cache' },
  { id: 'inspector' },
  { id: 'readiness-missing' },
  { id: 'keep-alive-short' },
  { id: 'powered-by' },
  { id: 'body-limit-large' },
  { id: 'trust-proxy-all' },
  { id: 'secure-cookie-without-proxy' },
  { id: 'sessions-in-memory' },
  { id: 'cookie-in-shared-cache' },
  { id: 'body-limit-large', fault: 'body-limit-large without a limit' },
  { id: 'static-behind-session' },
  { id: 'static-behind-session', fault: 'static-behind-session with a guard' },
  { id: 'static-not-cached' },
  { id: 'static-not-cached', fault: 'static-not-cached without headers' },
  { id: 'response-sent-again' },
  { id: 'request-timeout-off' },
  { id: 'trace-id-missing' },
];

describeExhibits(exhibits);

describe('an app that follows the guide by hand', () => {
  const gallery = require.resolve('../fixtures/doctor/gallery.cjs');

  it.each([
    ['Production', ['node-env']],
    ['prod', ['node-env']],
    ['production', []],
  ])('with NODE_ENV=%s has the faults %j', async (NODE_ENV, expected) => {
    const report = await auditInTurn(gallery, {
      args: ['express', 'none', 'healthy'],
      signals: false,
      env: { NODE_ENV },
    });
    expect(faultsIn(report)).toEqual(expected);
  });
});
