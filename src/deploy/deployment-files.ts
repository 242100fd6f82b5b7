import { ProductionizeError, quote } from '../support/errors.js';
import { checkOptions } from '../support/options.js';
import { checkFacts } from './check-facts.js';
import type { DeploymentFacts } from './deployment-facts.js';
import { withOrigin } from './origin.js';
import { type TargetName, targets } from './targets/index.js';
import type { Target, TargetOption } from './targets/target.js';

/** A file to write, with the comment that states where it comes from. */
export interface DeploymentFile {
  /** The usual name of the file, such as `Dockerfile`. */
  readonly name: string;
  readonly text: string;
}

/** What {@link deploymentFiles} returns. */
export interface Deployment {
  readonly files: readonly DeploymentFile[];
  /** What must be changed in the app or on the machine so that both sides agree, one sentence each. */
  readonly advice: readonly string[];
}

/**
 * Generates the files of a program around the app. The same facts and options result in the same text. The first
 * comment of each file states where it comes from. `command` is the command for it that writes the file again.
 *
 * @throws ProductionizeError when the target is unknown, or when a fact or an option is wrong. No value can inject
 * configuration.
 * @example
 * const { files } = deploymentFiles('procfile', await readFacts('app.js'))
 */
export function deploymentFiles(
  target: TargetName,
  facts: DeploymentFacts,
  options?: object,
  command?: string,
): Deployment {
  const generator = targetOf(target);
  const known = Object.entries(generator.options as Readonly<Record<string, TargetOption>>);
  const checks = Object.fromEntries(known.map(([name, { check }]) => [name, check]));
  const given = checkOptions<object>(target, options, checks);
  const checked = checkFacts(facts);
  generator.check?.(checked, given);
  const origin = { command, target, facts: checked, options: given, since: generator.since };
  return {
    files: generator
      .generate(checked, given)
      .map((file) => ({ name: file.name, text: withOrigin(file, origin) })),
    advice: generator.advice(checked, given),
  };
}

function targetOf(name: string): Target {
  if (Object.hasOwn(targets, name)) return (targets as Readonly<Record<string, Target>>)[name] as Target;
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_OPTION',
    `deploymentFiles: expected one of ${Object.keys(targets).join(', ')}, got ${quote(name)}.`,
  );
}
