import type { DeploymentFacts, HealthPaths } from '../../deployment-facts.js';
import type { Disagreement, Rule } from '../finding.js';
import { commandFault, isOtherEnvironment } from '../start-command.js';
import { at, portsOf, probes } from './workload-ports.js';
import {
  commandWords,
  containerPorts,
  objectsOf,
  variablesIn,
  type Workload,
  workloadsOf,
} from './workloads.js';
import { entryAt, itemsAt, nodeAt, textAt, type YamlEntry, type YamlNode } from './yaml-node.js';

type File = readonly YamlNode[];

const usualGraceSeconds = 30;
/** Milliseconds in which the app accepts requests after SIGTERM by default, where it finds Kubernetes. */
const usualDelayMs = 5000;

function rule(
  id: string,
  reason: string,
  find: (
    workload: Workload,
    facts: DeploymentFacts,
    file: File,
  ) => Disagreement | readonly Disagreement[] | undefined,
  applies?: Rule<File>['applies'],
): Rule<File> {
  return {
    id: `kubernetes/${id}`,
    reason,
    ...(applies && { applies }),
    find: (file, { facts }) =>
      workloadsOf(file, facts).flatMap((workload) => find(workload, facts, file) ?? []),
  };
}

/** The end of the app, with the wait before SIGTERM. */
function endMs({ container }: Workload, { shutdownMs, shutdownDelayMs }: DeploymentFacts): number {
  const words = itemsAt(container, 'lifecycle', 'preStop', 'exec', 'command').map(
    (word) => textAt(word) ?? '',
  );
  const [, inCommand] = /\bsleep (\d+)/.exec(words.join(' ')) ?? [];
  const seconds = Number(textAt(container, 'lifecycle', 'preStop', 'sleep', 'seconds') ?? inCommand ?? 0);
  const delayMs = seconds === 0 && shutdownDelayMs === 0 ? usualDelayMs : 0;
  return shutdownMs + delayMs + seconds * 1000;
}

function probePaths({ container }: Workload, health: HealthPaths): Disagreement[] {
  return probes.flatMap((probe) => {
    const entry = entryAt(container, probe, 'httpGet', 'path');
    if (entry === undefined) return [];
    const expected = health[probe.replace('Probe', '') as keyof HealthPaths];
    const allowed = probe === 'startupProbe' ? Object.values(health) : [expected];
    if (allowed.includes(textAt(entry.value) ?? '')) return [];
    return [
      {
        ...at(`${probe} path`, entry),
        expected: `the app has ${expected} for this probe`,
        fix: `path: ${expected}`,
      },
    ];
  });
}

export const workloadRules: readonly Rule<File>[] = [
  rule('grace-period', 'the node kills the app while it completes its requests', (workload, facts) => {
    const entry = entryAt(workload.pod, 'terminationGracePeriodSeconds');
    const seconds = Number(textAt(entry?.value) ?? usualGraceSeconds);
    const end = endMs(workload, facts);
    if (Number.isNaN(seconds) || seconds * 1000 > end) return undefined;
    const name = 'terminationGracePeriodSeconds';
    return {
      ...(entry ? at(name, entry) : { line: workload.pod.line, found: `pod without ${name}, which is 30` }),
      expected: `the app ends within ${end} ms in a pod`,
      fix: `${name}: ${Math.ceil(end / 1000) + 1}`,
    };
  }),
  rule(
    'probe-path',
    'the probe requests a path that does not report this state: pods restart, or get requests, at the wrong time',
    (workload, { health }) => probePaths(workload, health as HealthPaths),
    ({ health }) => health !== null,
  ),
  rule(
    'readiness-probe',
    'a pod gets requests before it is ready, and while it drains',
    ({ container }, { health }) => {
      if (nodeAt(container, 'readinessProbe') !== undefined) return undefined;
      const { readiness } = health as HealthPaths;
      return {
        line: container.line,
        found: `container ${textAt(container, 'name') ?? ''} without readinessProbe`,
        expected: `the app reports its readiness at ${readiness}`,
        fix: `readinessProbe: { httpGet: { path: ${readiness}, port: ${containerPorts(container)[0]?.port ?? 'http'} } }`,
      };
    },
    ({ health }) => health !== null,
  ),
  rule('port', 'nothing listens on this port of the container', portsOf),
  rule('node-env', 'Express shows stacks to clients and caches no views', ({ container }) => {
    const entry = variablesIn(container).get('NODE_ENV');
    if (entry === undefined || !isOtherEnvironment(entry.value)) return undefined;
    const expected = 'the app expects NODE_ENV=production';
    return { line: entry.line, found: `value: ${entry.value}`, expected, fix: 'value: production' };
  }),
  rule('npm', 'the package manager is process 1: it ends before the app on SIGTERM', (workload, facts) => {
    const found = commandFault(commandWords(workload.container), facts.script);
    if (found?.kind !== 'npm') return undefined;
    return {
      ...command(workload),
      expected: `the app is started by ${facts.script}`,
      fix: `command: ${JSON.stringify(found.fix.split(' '))}`,
    };
  }),
  rule(
    'shell',
    'a shell is process 1 and does not pass SIGTERM on, so the app is killed',
    (workload, facts) => {
      const found = commandFault(commandWords(workload.container), facts.script);
      if (found?.kind !== 'shell') return undefined;
      const fix = `command: ${JSON.stringify(found.fix.replace(/^exec /, '').split(' '))}`;
      return { ...command(workload), expected: 'the app drains on SIGTERM', fix };
    },
  ),
  rule('root', 'who takes over the app owns the container', ({ pod, container }) => {
    const context = (key: string) =>
      entryAt(container, 'securityContext', key) ?? entryAt(pod, 'securityContext', key);
    const user = context('runAsUser');
    const nonRoot = context('runAsNonRoot');
    const expected = 'the app needs no rights of root';
    if (user && textAt(user.value) === '0')
      return { ...at('runAsUser', user), expected, fix: 'runAsUser: 1000' };
    if (user || textAt(nonRoot?.value) !== 'false') return undefined;
    return { ...at('runAsNonRoot', nonRoot as YamlEntry), expected, fix: 'runAsNonRoot: true' };
  }),
  rule(
    'replicas',
    'each apply resets the number that the autoscaler has set',
    ({ object, kind, name }, _facts, file) => {
      const entry = entryAt(object, 'spec', 'replicas');
      const isScaled = objectsOf(file).some(
        (each) =>
          textAt(each, 'kind') === 'HorizontalPodAutoscaler' &&
          textAt(each, 'spec', 'scaleTargetRef', 'kind') === kind &&
          textAt(each, 'spec', 'scaleTargetRef', 'name') === name,
      );
      if (entry === undefined || !isScaled) return undefined;
      return {
        ...at('replicas', entry),
        expected: 'an autoscaler sets the number of pods',
        fix: 'remove `replicas`',
      };
    },
  ),
];

function command({ container }: Workload): Pick<Disagreement, 'line' | 'found'> {
  const entry = entryAt(container, 'command') ?? entryAt(container, 'args');
  return { line: (entry as YamlEntry).line, found: `command: ${commandWords(container).join(' ')}` };
}
