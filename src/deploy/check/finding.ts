import type { DeploymentFacts } from '../deployment-facts.js';

/** One disagreement between a file and the app. */
export interface Finding {
  /** The rule, such as `nginx/idle-timeout`. docs/deploy-check.md has an entry for each. */
  readonly id: string;
  readonly file: string;
  /** The first line is 1. */
  readonly line: number;
  /** The text of the file, or what is missing there. */
  readonly found: string;
  /** What the app has. */
  readonly expected: string;
  /** What happens otherwise. */
  readonly reason: string;
  /** What to write instead, in the file or in the app. */
  readonly fix: string;
}

/** What differs between the findings of one rule. */
export type Disagreement = Pick<Finding, 'line' | 'found' | 'expected' | 'fix'>;

/** What a file is compared with. */
export interface AppSide {
  readonly facts: DeploymentFacts;
  /** The number of proxies in front of the app; `undefined` where only the file itself can show it. */
  readonly hops?: number;
}

/** A rule as data. It names something only where both sides are known to disagree. */
export interface Rule<Tree> {
  readonly id: string;
  readonly reason: string;
  /** Whether the rule concerns an app with these facts. @default every app */
  applies?(facts: DeploymentFacts): boolean;
  find(tree: Tree, app: AppSide): readonly Disagreement[];
}

const maxFound = 160;

/** Applies rules to a file. A rule names a line once, and the findings are in the order of the lines. */
export function findingsOf<Tree>(
  file: string,
  rules: readonly Rule<Tree>[],
  tree: Tree,
  app: AppSide,
): Finding[] {
  return rules
    .filter((rule) => rule.applies?.(app.facts) ?? true)
    .flatMap(({ id, reason, find }) => {
      const byLine = new Map(find(tree, app).map((each) => [each.line, each]));
      return [...byLine.values()].map(({ line, found, expected, fix }) => {
        const short = found.length > maxFound ? `${found.slice(0, maxFound)}…` : found;
        return { id, file, line, found: short, expected, reason, fix };
      });
    })
    .sort((one, two) => one.line - two.line);
}
