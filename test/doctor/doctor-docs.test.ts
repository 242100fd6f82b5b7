import { readFileSync } from 'node:fs';
import path from 'node:path';
import { reportOf } from '../../src/doctor/audit-report.js';
import { checks } from '../../src/doctor/checks/index.js';
import type { Observations, ProjectObservation } from '../../src/doctor/observations.js';
import { nothingSeen } from '../helpers/audit-reports.js';

const guide = readFileSync(path.join(__dirname, '../../docs/doctor.md'), 'utf8');

const on = (nodeVersion: string, today: string): Observations => ({
  ...nothingSeen,
  process: {
    nodeVersion,
    nodeEnv: 'production',
    usesDomain: false,
    inspectorOpen: false,
    keepAliveTimeoutMs: 65_000,
    headersTimeoutMs: 60_000,
    requestTimeoutMs: 300_000,
    requiredPackages: {},
    developmentTools: [],
  },
  today,
});
const project: ProjectObservation = {
  directory: '/',
  startScript: null,
  procfile: null,
  isInstalled: false,
  lints: true,
  devDependencies: [],
  severalProcesses: [],
};
const ids = (seen: Observations) => reportOf(seen).findings.map(({ id }) => id);

describe('the guide to the doctor', () => {
  it.each(checks.map((check) => [check.id, check] as const))('has %s as the check states it', (id, check) => {
    const [, section = ''] = guide.split(`\n### ${id}\n`);
    const text = section.split('\n#', 1)[0];
    expect(text).toContain(check.title);
    expect(text).toContain(check.reason);
    expect(text).toContain(check.fix);
    expect(text?.includes('`productionize(app)` mends it')).toBe(check.mendedByLine);
  });

  it('has no section for a check that does not exist', () => {
    const sections = [...guide.matchAll(/^### (.+)$/gm)].map(([, id]) => id);
    expect(sections.sort()).toEqual(checks.map(({ id }) => id).sort());
  });
});

describe('the score', () => {
  it('is 100 for an app without a fault', () => {
    expect(reportOf(nothingSeen)).toMatchObject({ schema: 1, score: 100, findings: [] });
  });

  it('counts a fault once, however often it was seen', () => {
    const failure = { method: 'GET', kind: 'route', response: null, failure: 'no response' } as const;
    const never = ['/a', '/b', '/c'].map((each) => ({ ...failure, path: each }));
    const report = reportOf({ ...nothingSeen, exchanges: [...nothingSeen.exchanges, ...never] });
    expect([report.score, report.findings[0]?.evidence.length]).toEqual([85, 3]);
    expect(report.practices).toMatchObject({ exceptions: 85, compression: 100 });
  });
});

describe('a readiness path', () => {
  const settings = { poweredBy: false, viewCache: true, viewEngine: false, trustProxy: 'off' } as const;
  const app = {
    express: 5,
    productionized: true,
    settings,
    layers: [],
    sessions: [],
    bodyLimitBytes: null,
    unlimitedParsers: 0,
    localRateLimits: 0,
  } as const;

  it.each([
    ['/ready-for-traffic', []],
    [null, ['readiness-missing']],
  ])('%j of the health checks, which no usual path finds, has the faults %j', (readinessPath, expected) => {
    const observed = { ...app, errorHandlersWithWrongLength: [], readinessPath };
    expect(ids({ ...nothingSeen, exchanges: [], app: observed })).toEqual(expected);
  });
});

describe('a line of Node', () => {
  it.each([
    ['v20.20.2', '2026-04-29', []],
    ['v20.20.2', '2026-05-01', ['node-end-of-life']],
    ['v22.1.0', '2026-11-29', []],
    ['v23.1.0', '2026-11-29', ['node-end-of-life']],
    ['v24.1.0', '2026-11-29', []],
    ['v26.1.0', '2026-11-29', []],
  ])('%s on %s has the faults %j', (version, today, expected) => {
    expect(ids(on(version, today))).toEqual(expected);
  });
});

describe('the command of npm start', () => {
  it.each([
    ['node server.js', []],
    ['nodemon server.js', ['development-tool']],
    ['node --watch server.js', ['development-tool']],
    ['ts-node src/server.ts', ['development-tool']],
    ['node --inspect=0.0.0.0 server.js', ['inspector']],
    ['node dist/nodemonitor.js', []],
    ['npm run build && npm run serve', ['npm-parent']],
    ['npm run build && node server.js', []],
    ['NODE_ENV=development node server.js', ['node-env']],
    ['NODE_ENV=production node server.js', []],
  ])('%s has the faults %j', (startScript, expected) => {
    expect(ids({ ...nothingSeen, project: { ...project, startScript } })).toEqual(expected);
  });
});
