import type { DeploymentFacts } from '../../deployment-facts.js';
import type { Disagreement, Rule } from '../finding.js';
import {
  checkedAddress,
  commandFault,
  isOtherEnvironment,
  setsNodeEnv,
  shellFault,
} from '../start-command.js';
import {
  type Dockerfile,
  type Instruction,
  jsonForm,
  replaceVariables,
  variablesOf,
} from './dockerfile-reader.js';

/** Images of which it is known that they run as root and set no variables of an app. */
const plainImages =
  /^(?:docker\.io\/)?(?:library\/)?(?:node|alpine|debian|ubuntu|buildpack-deps|fedora|amazonlinux)(?:[:@]|$)/;

const last = ({ instructions }: Dockerfile, name: string): Instruction | undefined =>
  instructions.findLast((instruction) => instruction.name === name);

const at = ({ name, value, line }: Instruction) => ({ line, found: `${name} ${value}` });

function rule(
  id: string,
  reason: string,
  find: (file: Dockerfile, facts: DeploymentFacts) => Disagreement | undefined,
  applies?: Rule<Dockerfile>['applies'],
): Rule<Dockerfile> {
  return {
    id: `dockerfile/${id}`,
    reason,
    ...(applies && { applies }),
    find(file, { facts }) {
      const found = find(file, facts);
      return found ? [found] : [];
    },
  };
}

/** What the container starts: the last ENTRYPOINT and the CMD after it. */
function commandOf(file: Dockerfile): { words: string[]; place: Instruction; shell?: string } | undefined {
  const entry = last(file, 'ENTRYPOINT');
  const command = last(file, 'CMD');
  const place = command ?? entry;
  if (place === undefined) return undefined;
  if (entry && jsonForm(entry.value) === undefined) return { words: [], place: entry, shell: entry.value };
  const words = command && jsonForm(command.value);
  const first = entry ? (jsonForm(entry.value) ?? []) : [];
  if (command && words === undefined) return { words: first, place: command, shell: command.value };
  return { words: [...first, ...(words ?? [])], place };
}

function faultOf(file: Dockerfile, { script }: DeploymentFacts) {
  const command = commandOf(file);
  const fault =
    command?.shell === undefined
      ? commandFault(command?.words ?? [], script)
      : shellFault(command.shell, script);
  return command && fault && { place: command.place, fault };
}

const asJson = (text: string): string => JSON.stringify(text.split(' '));

/** The port on which the container listens; `undefined` where it can be set at its start. */
function portIn(file: Dockerfile, { port, readsPort }: DeploymentFacts): number | undefined {
  if (!readsPort) return port;
  const value = variablesOf(file.instructions).get('PORT')?.value ?? '';
  return /^\d+$/.test(value) ? Number(value) : undefined;
}

export const imageRules: readonly Rule<Dockerfile>[] = [
  rule('node-env', 'Express shows stacks to clients and caches no views', (file) => {
    const entry = variablesOf(file.instructions).get('NODE_ENV');
    const value = entry && replaceVariables(entry.value, file.instructions);
    const expected = 'the app expects NODE_ENV=production';
    const fix = 'ENV NODE_ENV=production';
    if (entry) return isOtherEnvironment(value) ? { ...at(entry.place), expected, fix } : undefined;
    const { words = [], shell = '' } = commandOf(file) ?? {};
    if (!plainImages.test(file.baseImage) || setsNodeEnv([...words, shell])) return undefined;
    return { line: file.from.line, found: `FROM ${file.from.value} without NODE_ENV`, expected, fix };
  }),
  rule('npm', 'the package manager is process 1: it ends before the app on SIGTERM', (file, facts) => {
    const found = faultOf(file, facts);
    if (found?.fault.kind !== 'npm') return undefined;
    const expected = `the app is started by ${facts.script}`;
    return { ...at(found.place), expected, fix: `CMD ${asJson(found.fault.fix)}` };
  }),
  rule('shell', 'a shell is process 1 and does not pass SIGTERM on, so the app is killed', (file, facts) => {
    const found = faultOf(file, facts);
    if (found?.fault.kind !== 'shell') return undefined;
    const fix = `CMD ${asJson(found.fault.fix.replace(/^exec /, ''))}`;
    return { ...at(found.place), expected: 'the app drains on SIGTERM', fix };
  }),
  rule('root', 'who takes over the app owns the container', (file) => {
    const user = last(file, 'USER');
    const expected = 'the app needs no rights of root';
    if (user)
      return /^(root|0)(:|$)/.test(user.value) ? { ...at(user), expected, fix: 'USER node' } : undefined;
    if (!plainImages.test(file.baseImage)) return undefined;
    return {
      line: file.from.line,
      found: `FROM ${file.from.value} without USER`,
      expected,
      fix: 'USER node',
    };
  }),
  rule('stop-signal', 'the app does not drain: this signal ends it, or does nothing', (file) => {
    const signal = last(file, 'STOPSIGNAL');
    if (signal === undefined || /^(SIG)?(TERM|INT)$|^(2|15)$|\$/.test(signal.value)) return undefined;
    return { ...at(signal), expected: 'the app drains on SIGTERM', fix: 'STOPSIGNAL SIGTERM' };
  }),
  rule('port', 'what is published is not the port of the app', (file, facts) => {
    const { port, readsPort } = facts;
    const variable = variablesOf(file.instructions).get('PORT');
    const expected = readsPort
      ? 'the app listens on PORT'
      : `the app listens on port ${port} and does not read PORT`;
    if (variable && !readsPort && /^\d+$/.test(variable.value) && Number(variable.value) !== port) {
      return { ...at(variable.place), expected, fix: `EXPOSE ${port}` };
    }
    const exposed = file.instructions.filter(({ name }) => name === 'EXPOSE');
    const actual = portIn(file, facts);
    const ports = exposed
      .flatMap(({ value }) => value.split(/\s+/))
      .filter((word) => !/\$|-|\/udp$/.test(word));
    const place = exposed.at(-1);
    if (place === undefined || actual === undefined || ports.length === 0) return undefined;
    if (ports.some((word) => Number.parseInt(word, 10) === actual)) return undefined;
    return { ...at(place), expected, fix: `EXPOSE ${actual}` };
  }),
  rule(
    'health-path',
    'the check requests another path than that of the health checks, so a broken app counts as healthy',
    (file, { health }) => {
      const check = last(file, 'HEALTHCHECK');
      const { path } = checkedAddress(
        check ? (jsonForm(check.value.replace(/^.*?CMD\s+/, '')) ?? [check.value]) : [],
      );
      const { liveness, readiness, startup } = health as {
        liveness: string;
        readiness: string;
        startup: string;
      };
      if (check === undefined || path === undefined || [liveness, readiness, startup].includes(path))
        return undefined;
      return {
        ...at(check),
        expected: `the app reports its health at ${liveness}`,
        fix: at(check).found.replace(path, liveness),
      };
    },
    ({ health }) => health !== null,
  ),
];
