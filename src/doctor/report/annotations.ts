import type { Finding, Severity } from '../audit-finding.js';
import type { AuditReport } from '../audit-report.js';
import { countFaults, evidenceParts, visible } from './visible-text.js';

const commands: Readonly<Record<Severity, string>> = { high: 'error', medium: 'warning', low: 'notice' };
/** GitHub shows ten annotations of each kind for one step. */
const mostPlaces = 3;

/** Formats new faults as workflow commands of GitHub: one at each place in the code, else one at the script. */
export function annotations(script: string, { score, findings }: AuditReport): string {
  const fresh = findings.filter(({ known }) => !known);
  const total = `${visible(script)}: ${score} of 100, ${countFaults(findings.length)}`;
  return [
    ...fresh.flatMap((finding) => annotate(script, finding)),
    command('notice', { title: 'Doctor' }, total),
  ].join('\n');
}

function annotate(script: string, { id, severity, title, evidence, reason, fix }: Finding): string[] {
  const located = evidence.filter(({ file }) => file !== undefined);
  const places = located.length > 0 ? located : evidence.slice(0, 1);
  return places.slice(0, mostPlaces).map((each) => {
    const { file = script, line } = each;
    const text = [evidenceParts(each).join('  '), reason, `Fix: ${fix}`].join('\n');
    return command(commands[severity], { file: visible(file), line, title: `${title} (${id})` }, text);
  });
}

function command(
  name: string,
  properties: Record<string, string | number | undefined>,
  text: string,
): string {
  const list = Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${name} ${list.join(',')}::${escapeData(text)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
