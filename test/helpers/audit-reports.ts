import type { Evidence, Finding, Severity } from '../../src/doctor/audit-finding.js';
import { type AuditReport, reportOf } from '../../src/doctor/audit-report.js';
import { checks } from '../../src/doctor/checks/index.js';
import type { Measured } from '../../src/doctor/measured.js';
import type { Observations } from '../../src/doctor/observations.js';
import { score, scoresByPractice } from '../../src/doctor/score.js';

/** What an app shows in which no check finds a fault. */
export const nothingSeen: Observations = {
  app: null,
  process: null,
  exchanges: [
    {
      method: 'GET',
      path: '/readyz',
      kind: 'health',
      failure: null,
      response: { status: 200, headers: {}, bytes: 2, awaited: null, text: 'ok', compressedTwice: false },
    },
  ],
  syncCalls: [],
  shutdown: null,
  continuesAfterException: null,
  streams: [],
  tracedLines: [],
  project: null,
  filesAround: [],
  today: '2026-01-01',
};

/** A fault with the words of its check. */
export function finding(id: string, ...evidence: Evidence[]): Finding {
  const check = checks.find((each) => each.id === id);
  if (!check) throw new Error(`no check ${id}`);
  const { practice, severity, title, reason, fix } = check;
  return { id, practice, severity, title, evidence, reason, fix, docs: `docs/doctor.md#${id}` };
}

const order: readonly Severity[] = ['high', 'medium', 'low'];

/** A report with these faults. */
export function reportWith(...findings: Finding[]): AuditReport {
  const sorted = findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  const practices = scoresByPractice(
    checks.map(({ practice }) => practice),
    sorted,
  );
  return { ...reportOf(nothingSeen), findings: sorted, score: score(sorted), practices };
}

/** Texts of an app that are markup, commands or line ends where a report writes them as they are. */
export const hostileTexts = [
  '<script>window.hacked = 1</script>',
  '"><img src=x onerror="window.hacked = 1">',
  "javascript:alert(1)' onload='window.hacked = 1",
  '`` ` | [link](http://evil.test) <b>@everyone</b>',
  'one\n::error::two\r\n## three',
  '\u001b[2J\u001b]0;title\u0007 \u202eevil',
  '{{7*7}} %0A::warning::x',
] as const;

/** What was timed, with these routes. */
export function measuredWith(...routes: string[]): Measured {
  return {
    routes: routes.map((route, i) => ({ route, requests: 20, p50Ms: 1 + i, p99Ms: 9 + 7 * i })),
    requestsPerSecond: 812,
    eventLoop: { utilization: 0.4, collecting: 0.01, delayP50Ms: 0.4, delayP99Ms: 31.2 },
    heldBackBy: 'nothing',
  };
}

/** A report in which each text of the app is hostile: routes, files, headers and observations. */
export function hostileReport(times = 1): AuditReport {
  const texts = Array.from({ length: times }, () => hostileTexts).flat();
  const evidence = texts.map((text) => ({ text, route: `GET /${text}`, file: `${text}.js`, line: 3 }));
  const report = reportWith(
    finding('synchronous-call', ...evidence),
    finding('powered-by', { text: hostileTexts[0] }),
  );
  const silenced = { ...finding('domain', { text: hostileTexts[1] }), because: hostileTexts[2] };
  return {
    ...report,
    silenced: [silenced],
    notes: [...hostileTexts],
    routes: texts.map((text) => ({
      route: `GET /${text}`,
      status: 200,
      bytes: 12_345,
      encoding: text,
      caching: text,
      faults: ['synchronous-call'],
    })),
    timeouts: report.timeouts.map((step) => ({ ...step, fault: hostileTexts[0] })),
    measured: measuredWith(...texts.map((text) => `GET /${text}`)),
  };
}
