import { attempt } from '../support/attempt.js';
import type { Evidence, Finding } from './audit-finding.js';
import type { AuditReport } from './audit-report.js';

/** Faults that a project has accepted: the routes and files of each. Lines are left out, since they move. */
export type Baseline = ReadonlyMap<string, ReadonlySet<string>>;

/** The text of a baseline file with all faults of a report. */
export function formatBaseline({ findings }: AuditReport): string {
  const entries = findings
    .map(({ id, evidence }) => ({ id, places: [...new Set(evidence.map(placeOf))].sort() }))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
  return `${JSON.stringify({ schema: 1, findings: entries }, null, 2)}\n`;
}

/** The content of a baseline file; `undefined` where the text is none. */
export function parseBaseline(text: string): Baseline | undefined {
  const { schema, findings } = Object(attempt<unknown>(() => JSON.parse(text), undefined)) as {
    schema?: unknown;
    findings?: unknown;
  };
  if (schema !== 1 || !Array.isArray(findings) || !findings.every(isEntry)) return undefined;
  return new Map(findings.map(({ id, places }) => [id, new Set(places)]));
}

/** Marks the faults that a baseline contains, with all their places. */
export function compareWith(baseline: Baseline, report: AuditReport): AuditReport {
  const isKnown = ({ id, evidence }: Finding): boolean => {
    const places = baseline.get(id);
    return places !== undefined && evidence.every((each) => places.has(placeOf(each)));
  };
  return {
    ...report,
    findings: report.findings.map((finding) => (isKnown(finding) ? { ...finding, known: true } : finding)),
  };
}

function placeOf({ route, file }: Evidence): string {
  return [route, file].filter((each) => each !== undefined).join(' ');
}

function isEntry(value: unknown): value is { id: string; places: string[] } {
  const { id, places } = Object(value) as { id?: unknown; places?: unknown };
  return typeof id === 'string' && Array.isArray(places) && places.every((each) => typeof each === 'string');
}
