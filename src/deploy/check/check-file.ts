import { checkOptions, isInteger, isObject, isString } from '../../support/options.js';
import { checkFacts } from '../check-facts.js';
import type { DeploymentFacts } from '../deployment-facts.js';
import { originOf } from '../origin.js';
import { fileKinds } from './file-kinds.js';
import type { Finding } from './finding.js';
import { freshness } from './freshness.js';
import { sourceText, unreadable } from './source-text.js';

/** What {@link checkDeploymentFile} compares. */
export interface DeploymentFileCheck {
  /** The name of the file, for messages. Its kind is recognized by its content. */
  readonly name: string;
  readonly text: string;
  readonly facts: DeploymentFacts;
  /** The number of proxies in front of the app. @default what the file shows: usually 1 */
  readonly hops?: number;
  /**
   * The options of the target with which `deploymentFiles` wrote the file. With them, a file that is out of date is
   * named.
   * @default unknown
   */
  readonly options?: object;
}

/**
 * Compares a file around an app with the facts of the app, and returns where they disagree: a file of nginx or HAProxy, a
 * unit of systemd, a Dockerfile, a Compose file, Kubernetes objects or an ecosystem file of PM2. It may be written manually.
 * Included files are not read, and an ecosystem file is not run.
 *
 * @throws ProductionizeError when the file is of no known kind, or cannot be read as one.
 * @example
 * const text = readFileSync('nginx.conf', 'utf8')
 * const findings = checkDeploymentFile({ name: 'nginx.conf', text, facts: await readFacts('app.js') })
 */
export function checkDeploymentFile(check: DeploymentFileCheck): Finding[] {
  const given = checkOptions<DeploymentFileCheck>('checkDeploymentFile', check, {
    name: isString,
    text: (value) => (typeof value === 'string' ? undefined : 'a string'),
    facts: isObject('the facts of the app'),
    hops: isInteger('hops', 0, 16),
    options: isObject('an options object'),
  }) as DeploymentFileCheck;
  const { name = 'the file', hops, options } = given;
  const text = sourceText(name, given.text);
  const facts = checkFacts(given.facts);
  const kind = fileKinds.find(({ recognizes }) => recognizes(text));
  const origin = originOf(text);
  if (kind === undefined && origin === undefined) {
    const names = fileKinds.map((each) => each.name).join(', ');
    throw unreadable(name, `the file is of no known kind: ${names}`);
  }
  return [
    ...(origin && options ? freshness(name, origin, facts, options) : []),
    ...(kind?.check(name, text, { facts, hops }) ?? []),
  ];
}
