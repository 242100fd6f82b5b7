import type { DeploymentFacts } from '../../deployment-facts.js';
import type { Disagreement, Rule } from '../finding.js';
import { checkedAddress, commandFault, isOtherEnvironment, setsNodeEnv } from '../start-command.js';
import {
  environmentIn,
  healthTest,
  portsIn,
  type Service,
  secondsOfText,
  servicesOf,
  wordsAt,
} from './compose-services.js';
import { entryAt, textAt, type YamlEntry, type YamlNode } from './yaml-node.js';

type File = readonly YamlNode[];

const usualGraceMs = 10_000;

const at = (key: string, entry: YamlEntry) => ({
  line: entry.line,
  found: `${key}: ${describe(entry.value)}`,
});
const without = ({ name, line }: Service, key: string) => ({ line, found: `service ${name} without ${key}` });

function describe(node: YamlNode): string {
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'map') return '{…}';
  return `[${node.items.map(describe).join(', ')}]`;
}

function rule(
  id: string,
  reason: string,
  find: (service: Service, facts: DeploymentFacts) => Disagreement | undefined,
  applies?: Rule<File>['applies'],
): Rule<File> {
  return {
    id: `compose/${id}`,
    reason,
    ...(applies && { applies }),
    find: (file, { facts }) => servicesOf(file, facts).flatMap((service) => find(service, facts) ?? []),
  };
}

/** Images of Node itself run as root and set no variables of an app. */
const isNodeImage = ({ node }: Service): boolean =>
  /^(?:docker\.io\/)?(?:library\/)?node(?:[:@]|$)/.test(textAt(node, 'image') ?? '');

function faultOf({ node }: Service, { script }: DeploymentFacts) {
  for (const key of ['command', 'entrypoint']) {
    const entry = entryAt(node, key);
    const fault = commandFault(wordsAt(node, key), script);
    if (entry && fault) return { ...at(key, entry), fault };
  }
  return undefined;
}

const asList = (text: string): string => JSON.stringify(text.replace(/^exec /, '').split(' '));

export const composeRules: readonly Rule<File>[] = [
  rule(
    'stop-grace-period',
    'the engine kills the app while it completes its requests',
    (service, { shutdownMs }) => {
      const entry = entryAt(service.node, 'stop_grace_period');
      const ms = entry ? secondsOfText(textAt(entry.value)) : usualGraceMs;
      if (ms === undefined || ms > shutdownMs) return undefined;
      return {
        ...(entry ? at('stop_grace_period', entry) : without(service, 'stop_grace_period, which is 10s')),
        expected: `the app ends within ${shutdownMs} ms after SIGTERM`,
        fix: `stop_grace_period: ${Math.ceil(shutdownMs / 1000) + 5}s`,
      };
    },
  ),
  rule('stop-signal', 'the app does not drain: this signal ends it, or does nothing', ({ node }) => {
    const entry = entryAt(node, 'stop_signal');
    const signal = textAt(entry?.value) ?? 'SIGTERM';
    if (entry === undefined || /^(SIG)?(TERM|INT)$|^(2|15)$|\$/.test(signal)) return undefined;
    return {
      ...at('stop_signal', entry),
      expected: 'the app drains on SIGTERM',
      fix: 'stop_signal: SIGTERM',
    };
  }),
  rule('node-env', 'Express shows stacks to clients and caches no views', (service) => {
    const entry = environmentIn(service.node).get('NODE_ENV');
    const expected = 'the app expects NODE_ENV=production';
    const fix = 'NODE_ENV: production';
    if (entry) {
      if (!isOtherEnvironment(entry.value)) return undefined;
      return { line: entry.line, found: `NODE_ENV: ${entry.value}`, expected, fix };
    }
    const isElsewhere = entryAt(service.node, 'env_file') || setsNodeEnv(wordsAt(service.node, 'command'));
    return isNodeImage(service) && !isElsewhere
      ? { ...without(service, 'NODE_ENV'), expected, fix }
      : undefined;
  }),
  rule('npm', 'the package manager is process 1: it ends before the app on SIGTERM', (service, facts) => {
    const found = faultOf(service, facts);
    if (found?.fault.kind !== 'npm') return undefined;
    const { fault, ...place } = found;
    return {
      ...place,
      expected: `the app is started by ${facts.script}`,
      fix: `command: ${asList(fault.fix)}`,
    };
  }),
  rule(
    'shell',
    'a shell is process 1 and does not pass SIGTERM on, so the app is killed',
    (service, facts) => {
      const found = faultOf(service, facts);
      if (found?.fault.kind !== 'shell') return undefined;
      const { fault, ...place } = found;
      return { ...place, expected: 'the app drains on SIGTERM', fix: `command: ${asList(fault.fix)}` };
    },
  ),
  rule('root', 'who takes over the app owns the container', (service) => {
    const entry = entryAt(service.node, 'user');
    const user = textAt(entry?.value);
    const expected = 'the app needs no rights of root';
    if (entry && user !== undefined) {
      return /^(root|0)(:|$)/.test(user) ? { ...at('user', entry), expected, fix: 'user: node' } : undefined;
    }
    return isNodeImage(service) ? { ...without(service, 'user'), expected, fix: 'user: node' } : undefined;
  }),
  rule('restart', 'an app whose event loop is empty ends with code 0, and stays down', ({ node }) => {
    const entry = entryAt(node, 'restart');
    const policy = textAt(entry?.value) ?? '';
    if (entry === undefined || !/^(no|false|on-failure)(:|$)/.test(policy)) return undefined;
    const expected = 'the app serves until it is stopped';
    return { ...at('restart', entry), expected, fix: 'restart: unless-stopped' };
  }),
  rule('port', 'what is published is not the port of the app', ({ node }, { port, readsPort }) => {
    const variable = environmentIn(node).get('PORT');
    const expected = readsPort
      ? 'the app listens on PORT'
      : `the app listens on port ${port} and does not read PORT`;
    if (variable && !readsPort && /^\d+$/.test(variable.value) && Number(variable.value) !== port) {
      return { line: variable.line, found: `PORT: ${variable.value}`, expected, fix: `PORT: ${port}` };
    }
    const actual = readsPort ? Number(variable?.value ?? Number.NaN) : port;
    const ports = portsIn(node);
    const [first] = ports;
    if (!Number.isInteger(actual) || first === undefined || ports.some(({ target }) => target === actual))
      return undefined;
    return {
      line: first.line,
      found: first.text,
      expected,
      fix: first.text.replace(/\d+(?=(\/\w+)?$)/, String(actual)),
    };
  }),
  rule(
    'health-path',
    'the check requests another path than that of the health checks, so a broken app counts as healthy',
    ({ node }, { health }) => {
      const test = healthTest(node);
      const { path } = checkedAddress(test?.words ?? []);
      const { readiness, liveness, startup } = health as {
        readiness: string;
        liveness: string;
        startup: string;
      };
      if (test === undefined || path === undefined || [readiness, liveness, startup].includes(path))
        return undefined;
      return {
        line: test.line,
        found: `test: ${test.words.join(' ')}`,
        expected: `the app reports its readiness at ${readiness}`,
        fix: `test: ${test.words.join(' ').replace(path, readiness)}`,
      };
    },
    ({ health }) => health !== null,
  ),
];
