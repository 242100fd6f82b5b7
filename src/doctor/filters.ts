import { type Check, isObject } from '../support/options.js';
import type { AuditReport } from './audit-report.js';
import { checks } from './checks/index.js';
import { score, scoresByPractice } from './score.js';

/** What of an audit counts. */
export interface Filters {
  /** The checks that count; all where it is empty. */
  readonly only: readonly string[];
  /** Checks whose faults are accepted, with the reason. */
  readonly silenced: Readonly<Record<string, string>>;
}

export const checkIds: readonly string[] = checks.map(({ id }) => id);

const isId = (value: unknown): boolean => checkIds.some((id) => id === value);
const isReason = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';

/** Checks of the options. */
export const filterChecks: Readonly<Record<'only' | 'silence', Check>> = {
  only: (value) =>
    Array.isArray(value) && value.every(isId) ? undefined : 'an array of ids of checks, such as `powered-by`',
  silence: (value) =>
    isObject('')(value) === undefined &&
    Object.entries(value as object).every(([id, reason]) => isId(id) && isReason(reason))
      ? undefined
      : 'an object of ids of checks and reasons',
};

/** Takes faults that do not count out of a report. Its scores are those of the rest. */
export function filterReport(report: AuditReport, { only, silenced: reasons }: Filters): AuditReport {
  const isWanted = (id: string): boolean => only.length === 0 || only.includes(id);
  const wanted = report.findings.filter(({ id }) => isWanted(id));
  const findings = wanted.filter(({ id }) => !Object.hasOwn(reasons, id));
  const silenced = wanted.flatMap((finding) => {
    const because = Object.hasOwn(reasons, finding.id) ? reasons[finding.id] : undefined;
    return because === undefined ? [] : [{ ...finding, because }];
  });
  const practices = checks
    .filter(({ id, practice }) => isWanted(id) && Object.hasOwn(report.practices, practice))
    .map(({ practice }) => practice);
  return {
    ...report,
    score: score(findings),
    findings,
    silenced: [...report.silenced, ...silenced],
    practices: scoresByPractice(practices, findings),
    notExamined: report.notExamined.filter(isWanted),
  };
}
