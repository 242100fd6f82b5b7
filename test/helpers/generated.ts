import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { deploymentFiles } from '../../src/deploy/index.js';
import { type TargetName, targets } from '../../src/deploy/targets/index.js';
import type { GeneratedFile, Target } from '../../src/deploy/targets/target.js';

/** The files of a target without the comment that states where they come from. Facts and options are checked. */
export function generated(
  name: TargetName,
  facts: DeploymentFacts,
  options: object = {},
): readonly GeneratedFile[] {
  deploymentFiles(name, facts, options);
  const target: Target = targets[name];
  return target.generate(facts, options);
}
