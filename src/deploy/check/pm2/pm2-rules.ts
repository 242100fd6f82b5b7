import type { Rule } from '../finding.js';
import { isOtherEnvironment } from '../start-command.js';
import { type SourceObject, type SourceProperty, textOf } from './ecosystem-reader.js';

/** Milliseconds after which PM2 kills a process that it stops. */
const usualKillMs = 1600;
const marginMs = 5000;

type App = SourceObject['properties'];

/** The only app of the file, or those that name the script. */
function appsOf(apps: readonly SourceObject[], script: string): readonly SourceObject[] {
  const names = (property: SourceProperty | undefined): boolean =>
    property?.text.split(/["'`\s,[\]]+/).some((word) => word.replace(/^\.\//, '') === script) ?? false;
  return apps.length === 1
    ? apps
    : apps.filter(({ properties }) => names(properties.get('script')) || names(properties.get('args')));
}

const shown = (name: string, { line, text }: SourceProperty) => ({ line, found: `${name}: ${text}` });

export const pm2Rules: readonly Rule<readonly SourceObject[]>[] = [
  {
    id: 'pm2/kill-timeout',
    reason: 'PM2 kills the app while it completes its requests',
    find: (apps, { facts }) =>
      appsOf(apps, facts.script).flatMap(({ properties, isOpen }) => {
        const setting = properties.get('kill_timeout');
        const script = properties.get('script');
        if (script === undefined || (isOpen && !setting)) return [];
        const ms = setting ? Number(textOf(setting)?.replaceAll('_', '')) : usualKillMs;
        // also where the value is not known
        if (!(ms <= facts.shutdownMs)) return [];
        const missing = shown('script', script);
        return {
          ...(setting
            ? shown('kill_timeout', setting)
            : { ...missing, found: `${missing.found} without kill_timeout, which is ${usualKillMs}` }),
          expected: `the app ends within ${facts.shutdownMs} ms after SIGINT`,
          fix: `kill_timeout: ${facts.shutdownMs + marginMs}`,
        };
      }),
  },
  {
    id: 'pm2/node-env',
    reason: 'Express shows stacks to clients and caches no views',
    find: (apps, { facts }) =>
      appsOf(apps, facts.script).flatMap(({ properties }) =>
        otherEnvironments(properties).map((setting) => ({
          ...shown('NODE_ENV', setting),
          expected: 'the app expects NODE_ENV=production',
          fix: "NODE_ENV: 'production'",
        })),
      ),
  },
];

/** Where NODE_ENV has another value, in `env_production`, or in `env` where no other environment can be chosen. */
function otherEnvironments(app: App): SourceProperty[] {
  const settings = [...app].flatMap(([name, { object }]) => {
    const setting = /^env(?:_|$)/.test(name) ? object?.properties.get('NODE_ENV') : undefined;
    return setting ? [{ name, setting, isOther: isOtherEnvironment(textOf(setting)) }] : [];
  });
  const canBeChosen = settings.some(({ name, isOther }) => !isOther || name === 'env_production');
  return settings
    .filter(({ name, isOther }) => isOther && (name === 'env_production' || (name === 'env' && !canBeChosen)))
    .map(({ setting }) => setting);
}
