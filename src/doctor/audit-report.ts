import type { Check, Finding, SilencedFinding } from './audit-finding.js';
import { checks } from './checks/index.js';
import type { Examined } from './examine.js';
import type { Measured } from './measured.js';
import type { Observations } from './observations.js';
import { type RouteFacts, routeFacts } from './route-facts.js';
import { score, scoresByPractice } from './score.js';
import { type TimeoutStep, timeoutChain } from './timeout-chain.js';

/** The result of an audit. The same app has the same result each time. */
export interface AuditReport {
  /** The version of this shape. */
  readonly schema: 1;
  /** From 0 to 100. */
  readonly score: number;
  /** The worst first. */
  readonly findings: readonly Finding[];
  /** Faults that the project accepts. They cost no points. */
  readonly silenced: readonly SilencedFinding[];
  /** The score of each practice. */
  readonly practices: Readonly<Record<string, number>>;
  /** The checks that this audit could not decide, by their ids. */
  readonly notExamined: readonly string[];
  /** What was chosen or left out, in sentences. */
  readonly notes: readonly string[];
  /** How each route responded. */
  readonly routes: readonly RouteFacts[];
  /** The timeouts from the client to the orchestrator. */
  readonly timeouts: readonly TimeoutStep[];
  /** What was timed; `null` without signals. */
  readonly measured: Measured | null;
}

const order = { high: 0, medium: 1, low: 2 } as const;

/** What the checks find in observations. */
export function reportOf(
  seen: Observations,
  { notes, undecided }: Omit<Examined, 'seen'> = { notes: [], undecided: () => false },
): AuditReport {
  const results = checks.map((check) => runCheck(check, seen, undecided));
  const findings = results
    .flatMap(({ finding }) => finding ?? [])
    .sort((one, other) => order[one.severity] - order[other.severity]);
  const practices = scoresByPractice(
    checks.map(({ practice }) => practice),
    findings,
  );
  const notExamined = results.filter(({ isDecided }) => !isDecided).map(({ check }) => check.id);
  return {
    schema: 1,
    score: score(findings),
    findings,
    silenced: [],
    practices,
    notExamined,
    notes,
    routes: routeFacts(seen.exchanges, findings),
    timeouts: timeoutChain(seen),
    measured: seen.measured ?? null,
  };
}

interface CheckResult {
  readonly check: Check;
  readonly finding: Finding | undefined;
  readonly isDecided: boolean;
}

/** A check that finds nothing and has read a part that could not be observed has not decided anything. */
function runCheck(check: Check, seen: Observations, undecided: Examined['undecided']): CheckResult {
  const reads = new Set<keyof Observations>();
  const watched = new Proxy(seen, {
    get(target, name) {
      reads.add(name as keyof Observations);
      return target[name as keyof Observations];
    },
  });
  const finding = findingOf(check, watched);
  if (undecided({ id: check.id, reads: [...reads] })) return { check, finding: undefined, isDecided: false };
  const hasReadNothing = [...reads].some((part) => seen[part] === null);
  return { check, finding, isDecided: finding !== undefined || !hasReadNothing };
}

function findingOf(check: Check, seen: Observations): Finding | undefined {
  const { id, practice, severity, title, reason, fix } = check;
  const evidence = check.find(seen);
  if (evidence.length === 0) return undefined;
  return { id, practice, severity, title, evidence, reason, fix, docs: `docs/doctor.md#${id}` };
}
