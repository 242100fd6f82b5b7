import type { DeploymentFacts } from '../deploy/deployment-facts.js';
import { type TargetName, targets } from '../deploy/targets/index.js';
import type { Target, TargetOption } from '../deploy/targets/target.js';
import { type Arguments, type CommandOptions, UsageError, workerCount } from './command.js';

type Corrections = Partial<DeploymentFacts>;

/** Flags that state what is not read from the app, or correct it. */
const corrections = {
  workers: {
    value: '<n|max>',
    help: 'the number of workers; default: max, the CPUs available',
    correct: (text) => ({ workers: workerCount('--workers', text) }),
  },
  memory: {
    value: '<bytes>',
    help: 'the memory for the app, such as 512M',
    correct: (text) => ({ memoryBytes: bytes('--memory', text) }),
  },
  'event-streams': {
    value: '<paths>',
    help: 'the paths of server-sent events, such as /events,/feed',
    correct: (text) => ({ eventStreamPaths: paths('--event-streams', text) }),
  },
  'web-sockets': {
    value: '<paths>',
    help: 'the paths of WebSockets; default: / where a server of the app accepts them',
    correct: (text) => ({ webSocketPaths: paths('--web-sockets', text) }),
  },
  'body-limit': {
    value: '<bytes>',
    help: 'the largest body of a request, such as 10M; default: that of the body parsers',
    correct: (text) => ({ bodyLimitBytes: bytes('--body-limit', text) }),
  },
} as const satisfies Readonly<
  Record<string, { value: string; help: string; correct(text: string): Corrections }>
>;

export const correctionFlags: CommandOptions = Object.fromEntries(
  Object.entries(corrections).map(([name, { value, help }]) => [name, { type: 'string', value, help }]),
);

export function correctionsOf(values: Arguments['values']): Corrections {
  return Object.assign(
    {},
    ...Object.entries(corrections).map(([name, { correct }]) => {
      const text = values[name];
      return typeof text === 'string' ? correct(text) : {};
    }),
  );
}

function bytes(name: string, text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  const value = Number(digits) * 1024 ** ' KMG'.indexOf(unit.toUpperCase() || ' ');
  if (value > 0 && Number.isSafeInteger(value)) return value;
  throw new UsageError(`${name}: expected bytes such as 512M, got ${JSON.stringify(text)}`);
}

function paths(name: string, text: string): string[] {
  const all = text.split(',');
  const wrong = all.find((path) => !/^\/[\x21-\x7e]*$/.test(path));
  if (wrong === undefined) return all;
  throw new UsageError(`${name}: expected paths such as /a,/b, got ${JSON.stringify(wrong)}`);
}

type Options = Readonly<Record<string, TargetOption>>;

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The options of all targets by their flags. */
const flags = new Map<string, { readonly targets: string[]; readonly option: TargetOption }>();
for (const [target, { options }] of Object.entries<Target>(targets)) {
  for (const [name, option] of Object.entries(options as Options)) {
    const known = flags.get(kebab(name));
    if (known) known.targets.push(target);
    else flags.set(kebab(name), { targets: [target], option });
  }
}

export const targetFlags: CommandOptions = Object.fromEntries(
  [...flags].map(([flag, { targets, option }]) => [
    flag,
    { type: 'string', value: option.value, help: `${targets.join(', ')}: ${option.help}` },
  ]),
);

/** The options of a target from the command line. A flag that only other targets have is an error. */
export function targetOptions(target: TargetName | 'facts', values: Arguments['values']): object {
  const known = target === 'facts' ? {} : (targets[target].options as Options);
  const names = new Map(Object.keys(known).map((name) => [kebab(name), name]));
  const given: Record<string, unknown> = {};
  for (const [flag, { targets: owners }] of flags) {
    const text = values[flag];
    if (typeof text !== 'string') continue;
    const name = names.get(flag);
    const option = name === undefined ? undefined : known[name];
    if (name === undefined || option === undefined) {
      throw new UsageError(`--${flag} is an option of ${owners.join(', ')}, not of ${target}`);
    }
    const value = option.parse(text);
    const expected = option.check(value);
    if (expected !== undefined) {
      throw new UsageError(`--${flag}: expected ${expected}, got ${JSON.stringify(text)}`);
    }
    given[name] = value;
  }
  return given;
}
