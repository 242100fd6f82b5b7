import type { Evidence } from '../audit-finding.js';
import type { AuditReport } from '../audit-report.js';

/** Characters that control a terminal, end a line or turn the direction of text. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const mostLength = 300;

/** A text of the audited app on one line: names of routes and values of headers may contain anything. */
export function visible(text: string): string {
  const line = text.replace(
    invisible,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
  return line.length > mostLength ? `${line.slice(0, mostLength - 1)}…` : line;
}

/** Where something was seen, such as `server.js:12`. */
export function place({ file, line }: Evidence): string | undefined {
  return file === undefined ? undefined : visible(line === undefined ? file : `${file}:${line}`);
}

/** The parts of a piece of evidence: the route, what was seen, and where. */
export function evidenceParts(evidence: Evidence): string[] {
  const { route, text } = evidence;
  return [route && visible(route), visible(text), place(evidence)].filter(
    (part) => part !== undefined && part !== '',
  ) as string[];
}

export function countFaults(count: number): string {
  return count === 1 ? '1 fault' : `${count || 'no'} faults`;
}

/** What was left out of the audit. */
export function notesOf({ notes, notExamined }: AuditReport): string[] {
  const unexamined = notExamined.length > 0 ? [`Not examined: ${notExamined.join(', ')}.`] : [];
  return [...notes, ...unexamined].map(visible);
}
