import { secondsFor } from '../../process-facts.js';
import type { Disagreement, Rule } from '../finding.js';
import { commandFault, isOtherEnvironment, setsNodeEnv } from '../start-command.js';
import {
  environmentOf,
  isOn,
  type Setting,
  settingOf,
  settingsOf,
  spanOf,
  textOfSetting,
  type Unit,
  wordsOfValue,
} from './unit-reader.js';

const usualStopMs = 90_000;

const at = (setting: Setting) => ({ line: setting.line, found: textOfSetting(setting) });

/** Where a setting is missing: the line of the command. */
const without = (start: Setting, name: string) => ({
  line: start.line,
  found: `${textOfSetting(start)} without ${name}`,
});

/** A rule about units with a command: others, such as sockets, start no app. */
function rule(
  id: string,
  reason: string,
  find: (unit: Unit, start: Setting, app: Parameters<Rule<Unit>['find']>[1]) => Disagreement | undefined,
  applies?: Rule<Unit>['applies'],
): Rule<Unit> {
  return {
    id: `systemd/${id}`,
    reason,
    ...(applies && { applies }),
    find(unit, app) {
      const start = settingOf(unit, 'ExecStart');
      const found = start && find(unit, start, app);
      return found ? [found] : [];
    },
  };
}

const acceptsMessages = (unit: Unit): boolean =>
  /^notify/.test(settingOf(unit, 'Type')?.value ?? '') || settingOf(unit, 'NotifyAccess')?.value === 'all';

/** The words of a command without the prefixes of systemd. */
const commandOf = ({ value }: Setting): string[] => wordsOfValue(value.replace(/^[-@:+!|]+/, ''));

export const serviceRules: readonly Rule<Unit>[] = [
  rule('stop-timeout', 'systemd kills the app while it completes its requests', (unit, start, { facts }) => {
    const setting = settingOf(unit, 'TimeoutStopSec') ?? settingOf(unit, 'TimeoutSec');
    const ms = setting ? spanOf(setting.value) : usualStopMs;
    if (ms === undefined || ms > facts.shutdownMs) return undefined;
    return {
      ...(setting ? at(setting) : without(start, 'TimeoutStopSec, which is 90s')),
      expected: `the app ends within ${facts.shutdownMs} ms after SIGTERM`,
      fix: `TimeoutStopSec=${secondsFor(facts.shutdownMs)}`,
    };
  }),
  rule('stop-signal', 'the app does not drain: this signal ends it, or does nothing', (unit) => {
    const setting = settingOf(unit, 'KillSignal');
    if (setting === undefined || /^(SIG)?(TERM|INT)$|^(2|15)$/.test(setting.value)) return undefined;
    return { ...at(setting), expected: 'the app drains on SIGTERM', fix: 'KillSignal=SIGTERM' };
  }),
  rule('node-env', 'Express shows stacks to clients and caches no views', (unit, start) => {
    const entry = environmentOf(unit).get('NODE_ENV');
    const expected = 'the app expects NODE_ENV=production';
    const fix = 'Environment=NODE_ENV=production';
    if (entry) return isOtherEnvironment(entry.value) ? { ...at(entry.setting), expected, fix } : undefined;
    const isElsewhere = ['EnvironmentFile', 'PassEnvironment'].some((name) => settingOf(unit, name));
    if (isElsewhere || setsNodeEnv(commandOf(start))) return undefined;
    return { ...without(start, 'NODE_ENV'), expected, fix };
  }),
  rule(
    'port',
    'the app listens on another port than the unit states',
    (unit, _start, { facts }) => {
      const entry = environmentOf(unit).get('PORT');
      if (entry === undefined || !/^\d+$/.test(entry.value) || Number(entry.value) === facts.port)
        return undefined;
      return {
        ...at(entry.setting),
        expected: `the app listens on port ${facts.port} and does not read PORT`,
        fix: `in the app: listen on process.env.PORT ?? ${facts.port}`,
      };
    },
    ({ readsPort }) => !readsPort,
  ),
  rule('npm', 'the package manager ends before the app on SIGTERM', (_unit, start, { facts }) => {
    const fault = commandFault(commandOf(start), facts.script);
    if (fault?.kind !== 'npm') return undefined;
    return {
      ...at(start),
      expected: `the app is started by ${facts.script}`,
      fix: `ExecStart=/usr/bin/${fault.fix}`,
    };
  }),
  rule('root', 'who takes over the app owns the machine', (unit, start) => {
    const user = settingOf(unit, 'User');
    if (user ? !/^(root|0)$/.test(user.value) : isOn(settingOf(unit, 'DynamicUser'))) return undefined;
    return {
      ...(user ? at(user) : without(start, 'User')),
      expected: 'the app needs no rights of root',
      fix: 'DynamicUser=yes',
    };
  }),
  rule('memory-deny-write-execute', 'V8 writes machine code at run time, and is aborted', (unit) => {
    const setting = settingOf(unit, 'MemoryDenyWriteExecute');
    if (setting === undefined || !isOn(setting)) return undefined;
    return { ...at(setting), expected: 'the app runs on V8', fix: 'MemoryDenyWriteExecute=no' };
  }),
  rule('restart', 'an app whose event loop is empty ends with code 0, and stays down', (unit, start) => {
    const setting = settingOf(unit, 'Restart');
    const isOnce = settingOf(unit, 'Type')?.value === 'oneshot';
    if (setting?.value === 'always' || isOnce) return undefined;
    return {
      ...(setting ? at(setting) : without(start, 'Restart, which is no')),
      expected: 'the app serves until it is stopped',
      fix: 'Restart=always',
    };
  }),
  rule(
    'watchdog',
    'systemd does not accept the messages of the app, and kills it after this time',
    (unit) => {
      const setting = settingOf(unit, 'WatchdogSec');
      const ms = setting && spanOf(setting.value);
      if (setting === undefined || ms === Infinity || acceptsMessages(unit)) return undefined;
      return {
        ...at(setting),
        expected: 'the app sends its state to systemd',
        fix: 'Type=notify and NotifyAccess=all',
      };
    },
  ),
  rule('system-call-filter', 'V8 calls pkey_alloc, and the kernel kills it', (unit) => {
    const settings = settingsOf(unit, 'SystemCallFilter');
    const [first] = settings;
    if (first === undefined || first.value.startsWith('~') || settingOf(unit, 'SystemCallErrorNumber'))
      return undefined;
    const allowed = settings
      .filter(({ value }) => !value.startsWith('~'))
      .flatMap(({ value }) => wordsOfValue(value));
    if (allowed.some((name) => /^(@pkey|pkey_alloc|@known)(:|$)/.test(name))) return undefined;
    return { ...at(first), expected: 'the app runs on V8', fix: `${textOfSetting(first)} @pkey` };
  }),
];
