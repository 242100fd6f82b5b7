import type { Finding } from '../audit-finding.js';
import type { AuditReport } from '../audit-report.js';
import { countFaults, evidenceParts, measuredLine, notesOf, visible } from './visible-text.js';

const mostEvidence = 5;

/** Formats a report for a comment on a pull request. Texts of the app are code, so that they are no markup. */
export function markdownReport(name: string, report: AuditReport, preview?: AuditReport): string {
  const { findings, silenced, practices } = report;
  const remaining = new Set(preview?.findings.map(({ id }) => id));
  return [
    `### Doctor: ${code(name)}`,
    summary(report, preview),
    ...findings.map((finding) => formatFinding(finding, preview !== undefined && !remaining.has(finding.id))),
    ...silenced.map(
      ({ title, id, because }) => `- silenced: ${title} (${code(id)}), because ${code(because)}`,
    ),
    notesOf(report)
      .map((note) => `- note: ${code(note)}`)
      .join('\n'),
    measured(report, preview),
    table(practices, preview?.practices),
  ]
    .filter(Boolean)
    .join('\n\n')
    .concat('\n');
}

function summary({ score, findings }: AuditReport, preview: AuditReport | undefined): string {
  const line = `**${score} of 100**, ${countFaults(findings.length)}`;
  return preview ? `${line}. With \`productionize(app)\`: **${preview.score} of 100**` : line;
}

function formatFinding(
  { id, severity, title, evidence, reason, fix, known }: Finding,
  mended: boolean,
): string {
  const more = evidence.length - mostEvidence;
  const notes = [known && 'in the baseline', mended && '`productionize(app)` mends it'].filter(Boolean);
  return [
    `- **${severity}**: ${title} (${code(id)})${notes.map((note) => `, ${note}`).join('')}`,
    ...evidence.slice(0, mostEvidence).map((each) => `  - ${evidenceParts(each).map(code).join(' ')}`),
    ...(more > 0 ? [`  - and ${more} more`] : []),
    '',
    `  ${reason} Fix: ${fix}`,
  ].join('\n');
}

function measured(report: AuditReport, preview: AuditReport | undefined): string {
  const [before, after] = [report, preview].map((each) => each && measuredLine(each));
  return [
    before && `Measured, not part of the score: ${code(before)}`,
    after && `With \`productionize(app)\`: ${code(after)}`,
  ]
    .filter(Boolean)
    .join('. ');
}

function table(before: AuditReport['practices'], after: AuditReport['practices'] | undefined): string {
  const rows = Object.entries(before).map(([practice, points]) => [practice, points, after?.[practice]]);
  const line = (cells: readonly unknown[]): string => `| ${cells.slice(0, after ? 3 : 2).join(' | ')} |`;
  return [
    line(['Practice', 'Score', 'With `productionize(app)`']),
    line(['---', '--:', '--:']),
    ...rows.map(line),
  ].join('\n');
}

/** A code span: its fence is longer than each run of backticks in the text. */
function code(text: string): string {
  const line = visible(text);
  const runs = [...line.matchAll(/`+/g)].map(([run]) => run.length);
  const fence = '`'.repeat(Math.max(0, ...runs) + 1);
  return runs.length > 0 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}
