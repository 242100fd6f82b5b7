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

/** What was timed, in one line. */
export function measuredLine({ measured }: AuditReport): string | undefined {
  if (measured === null) return undefined;
  const [slowest] = [...measured.routes].sort((a, b) => b.p99Ms - a.p99Ms);
  return [
    `${measured.requestsPerSecond} requests/s`,
    `event loop late by ${duration(measured.eventLoop.delayP99Ms)} (p99)`,
    slowest &&
      `slowest ${visible(slowest.route)}, ${duration(slowest.p50Ms)} (p50), ${duration(slowest.p99Ms)} (p99)`,
    `held back by ${measured.heldBackBy}`,
  ]
    .filter(Boolean)
    .join('; ');
}

/** Milliseconds for people. */
export function duration(ms: number): string {
  if (ms >= 1000) return `${Number((ms / 1000).toFixed(1))} s`;
  return `${ms >= 100 ? Math.round(ms) : Number(ms.toFixed(1))} ms`;
}
