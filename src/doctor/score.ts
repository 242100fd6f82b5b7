import type { Finding, Practice, Severity } from './audit-finding.js';

/** The points that one fault costs. */
const cost: Readonly<Record<Severity, number>> = { high: 15, medium: 6, low: 2 };

/** The score from 0 to 100: 100 less the points of each fault. It depends on the faults only, not on how often each was seen. */
export function score(findings: readonly Pick<Finding, 'severity'>[]): number {
  return Math.max(0, 100 - findings.reduce((sum, { severity }) => sum + cost[severity], 0));
}

/** The score of each practice that was checked. */
export function scoresByPractice(
  practices: readonly Practice[],
  findings: readonly Pick<Finding, 'practice' | 'severity'>[],
): Record<string, number> {
  const each = [...new Set(practices)];
  return Object.fromEntries(
    each.map((name) => [name, score(findings.filter(({ practice }) => practice === name))]),
  );
}
