import type { AppObservation, Observations, ShutdownObservation } from '../../src/doctor/observations.js';
import { timeoutChain } from '../../src/doctor/timeout-chain.js';
import { nothingSeen } from '../helpers/audit-reports.js';

const app: AppObservation = {
  express: 5,
  productionized: true,
  settings: { poweredBy: false, viewCache: true, viewEngine: false, trustProxy: 'off' },
  layers: [],
  errorHandlersWithWrongLength: [],
  sessions: [],
  bodyLimitBytes: null,
  unlimitedParsers: 0,
  localRateLimits: 0,
  readinessPath: null,
};
const server = (keepAliveTimeoutMs: number): Observations['process'] => ({
  nodeVersion: 'v24.0.0',
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 300_000,
  requiredPackages: {},
  nodeEnv: 'production',
  usesDomain: false,
  inspectorOpen: false,
  keepAliveTimeoutMs,
  developmentTools: [],
});
const ended: ShutdownObservation = { code: 0, signal: null, responded: true, ended: true };
const file = (id: string) => ({
  id,
  file: 'f',
  line: 1,
  found: 'found',
  expected: 'expected',
  reason: '',
  fix: '',
});

/** The names of steps in the wrong order. */
const wrong = (seen: Partial<Observations>) =>
  timeoutChain({ ...nothingSeen, ...seen })
    .filter(({ fault }) => fault !== null)
    .map(({ name }) => name);

describe('the chain of timeouts', () => {
  it('goes from the client to the orchestrator', () => {
    const names = timeoutChain(nothingSeen).map(({ name }) => name);
    expect(names).toEqual(['client', 'proxy', 'server', 'route', 'drain', 'orchestrator']);
  });

  it.each<[string, Partial<Observations>, string[]]>([
    ['nothing is known', {}, []],
    [
      'each ends before the next',
      {
        process: server(65_000),
        app: { ...app, responseTimeoutMs: 5000, shutdownMs: 9500 },
        shutdown: ended,
      },
      [],
    ],
    ['the server closes idle connections first', { process: server(5000) }, ['server']],
    ['the server never closes them', { process: server(0) }, []],
    ['a route takes longer than the proxy waits', { app: { ...app, responseTimeoutMs: 60_000 } }, ['route']],
    [
      'a route takes longer than the drain',
      { app: { ...app, responseTimeoutMs: 8000, shutdownMs: 4000 } },
      ['drain'],
    ],
    [
      'the drain takes longer than the orchestrator waits',
      { app: { ...app, shutdownMs: 25_000 } },
      ['orchestrator'],
    ],
    [
      'SIGTERM interrupts requests',
      { shutdown: { ...ended, responded: false, signal: 'SIGTERM' } },
      ['drain'],
    ],
    ['the process does not end', { shutdown: { ...ended, ended: false } }, ['drain']],
    ['the file of nginx is wrong', { filesAround: [file('nginx/read-timeout')] }, ['proxy']],
    ['a unit is wrong', { filesAround: [file('systemd/stop-timeout')] }, ['orchestrator']],
    ['another file is wrong', { filesAround: [file('nginx/port'), file('systemd/stop-signal')] }, []],
  ])('where %s, is wrong as it should be', (_what, seen, expected) => {
    expect(wrong(seen)).toEqual(expected);
  });
});
