import type { Finding, Severity } from '../audit-finding.js';
import type { AuditReport } from '../audit-report.js';
import { countFaults, evidenceParts, measuredLine, notesOf, visible } from './visible-text.js';

/** How parts of the report are emphasized on a terminal. */
export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string;

const mostEvidence = 5;
const styles: Readonly<Record<Severity, 'red' | 'yellow' | 'dim'>> = {
  high: 'red',
  medium: 'yellow',
  low: 'dim',
};

/** Formats a report for people: the score, the faults with the worst first, and the score of each practice. */
export function terminalReport(name: string, report: AuditReport, paint: Paint): string {
  const { score, findings, practices } = report;
  const faults = findings.map((finding) => formatFinding(finding, paint));
  return [
    scoreLine(name, report, paint),
    ...faults,
    ...formatSilenced(report),
    Object.entries(practices)
      .map(([practice, points]) => `  ${String(points).padStart(3)}  ${practice}`)
      .join('\n'),
    formatNotes(report, paint),
    score === 100 ? '' : 'The faults are explained in docs/doctor.md of the package.',
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** Formats what `productionize(app)` changes: both scores, the faults that it removes and those that remain. */
export function previewReport(name: string, before: AuditReport, after: AuditReport, paint: Paint): string {
  const remaining = new Set(after.findings.map(({ id }) => id));
  const mended = before.findings.filter(({ id }) => !remaining.has(id));
  return [
    scoreLine(name, before, paint),
    scoreLine(`${name} with productionize(app)`, after, paint),
    mended.map(({ title, id }) => `  ${paint('green', 'mended')}   ${title} (${id})`).join('\n'),
    ...after.findings.map((finding) => formatFinding(finding, paint)),
    ...formatSilenced(after),
    formatNotes(after, paint),
  ]
    .filter(Boolean)
    .join('\n\n');
}

function formatNotes(report: AuditReport, paint: Paint): string {
  const measured = measuredLine(report);
  return [...(measured ? [`Measured: ${measured}.`] : []), ...notesOf(report)]
    .map((note) => paint('dim', `  ${note}`))
    .join('\n');
}

function scoreLine(name: string, { score, findings }: AuditReport, paint: Paint): string {
  const style = score >= 90 ? 'green' : score >= 50 ? 'yellow' : 'red';
  return `${paint('bold', visible(name))}: ${paint(style, String(score))} of 100, ${countFaults(findings.length)}`;
}

function formatFinding(finding: Finding, paint: Paint): string {
  const { id, severity, title, evidence, reason, fix, known } = finding;
  if (known) return `  known    ${title} (${id})`;
  const more = evidence.length - mostEvidence;
  return [
    `  ${paint(styles[severity], severity.padEnd(6))}   ${paint('bold', title)} (${id})`,
    ...evidence.slice(0, mostEvidence).map((each) => `           ${evidenceParts(each).join('  ')}`),
    ...(more > 0 ? [`           and ${more} more`] : []),
    `           ${paint('dim', reason)}`,
    `           Fix: ${fix}`,
  ].join('\n');
}

function formatSilenced({ silenced }: AuditReport): string[] {
  return silenced.map(({ title, id, because }) => `  silenced ${title} (${id}): ${visible(because)}`);
}
