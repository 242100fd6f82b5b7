import type { DeploymentFacts } from '../deployment-facts.js';
import { fingerprint, type OriginComment } from '../origin.js';
import type { Finding } from './finding.js';

export const outOfDate = 'origin/out-of-date';

/** Whether a file that this package has written is still the one of the facts and options. */
export function freshness(
  file: string,
  origin: OriginComment,
  facts: DeploymentFacts,
  options: object,
): Finding[] {
  const { target, command } = origin;
  const current = fingerprint({ target, facts, options });
  if (current === origin.fingerprint) return [];
  return [
    {
      id: outOfDate,
      file,
      line: 2,
      found: `Facts ${origin.fingerprint}`,
      expected: `the app has the facts ${current}`,
      reason: 'the file was written for other settings of the app',
      fix: command === undefined ? `deploymentFiles('${target}', facts, options)` : `npx ${command}`,
    },
  ];
}
