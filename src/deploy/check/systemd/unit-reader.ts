import { unreadable } from '../source-text.js';

export interface Setting {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

export interface Unit {
  readonly name: string;
  /** The settings by section. */
  readonly sections: ReadonlyMap<string, readonly Setting[]>;
}

/**
 * Reads a unit of systemd.
 *
 * @throws ProductionizeError when a line is no setting, or stands before the first section.
 */
export function readUnit(name: string, text: string): Unit {
  const sections = new Map<string, Setting[]>();
  let current: Setting[] | undefined;
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    const parts = [];
    // a comment between continued lines is left out
    for (; i < lines.length; i++) {
      const part = (lines[i] as string).trim();
      if (/^[#;]/.test(part)) {
        if (parts.length === 0) break;
        continue;
      }
      parts.push(part.replace(/\\$/, ' '));
      if (!part.endsWith('\\')) break;
    }
    const whole = parts.join('').trim();
    if (whole === '') continue;
    const [, section] = /^\[([^\]]+)\]$/.exec(whole) ?? [];
    if (section !== undefined) {
      current = sections.get(section) ?? [];
      sections.set(section, current);
      continue;
    }
    const equals = whole.indexOf('=');
    if (equals < 1) throw unreadable(name, 'expected `Name=value`, or a section', line);
    if (current === undefined) throw unreadable(name, 'a setting stands before the first section', line);
    current.push({ name: whole.slice(0, equals).trim(), value: whole.slice(equals + 1).trim(), line });
  }
  if (sections.size === 0) throw unreadable(name, 'the file has no section');
  return { name, sections };
}

const service = ({ sections }: Unit): readonly Setting[] => sections.get('Service') ?? [];

/** The setting of the service that applies: the last one. */
export function settingOf(unit: Unit, name: string): Setting | undefined {
  const found = service(unit).findLast((setting) => setting.name === name);
  return found?.value === '' ? undefined : found;
}

/** Settings of the service that add to each other. An empty one resets those before it. */
export function settingsOf(unit: Unit, name: string): Setting[] {
  const all = service(unit).filter((setting) => setting.name === name);
  return all.slice(all.findLastIndex(({ value }) => value === '') + 1);
}

export const isOn = (setting: Setting | undefined): boolean =>
  /^(1|yes|true|on|y|t)$/i.test(setting?.value ?? '');

export const textOfSetting = ({ name, value }: Setting): string => `${name}=${value}`;

/** Splits a value into words, without their quotes. */
export function wordsOfValue(value: string): string[] {
  const words = value.match(/(?:"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|\\[\s\S]|[^\s"'\\])+/g) ?? [];
  return words.map((word) => word.replace(/"((?:\\[\s\S]|[^"\\])*)"|'((?:\\[\s\S]|[^'\\])*)'/g, '$1$2'));
}

/** The variables that the service sets itself. */
export function environmentOf(unit: Unit): Map<string, { value: string; setting: Setting }> {
  return new Map(
    settingsOf(unit, 'Environment').flatMap((setting) =>
      wordsOfValue(setting.value).map((word) => {
        const at = word.indexOf('=');
        return [word.slice(0, Math.max(0, at)), { value: word.slice(at + 1), setting }] as const;
      }),
    ),
  );
}

const units: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  msec: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
};

/** Milliseconds of a time such as `1min 30s`; `Infinity` for none. */
export function spanOf(value: string): number | undefined {
  if (/^(infinity|0)$/.test(value)) return Infinity;
  const parts = [...value.matchAll(/\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*/gy)];
  const length = parts.reduce((sum, [text]) => sum + text.length, 0);
  if (parts.length === 0 || length !== value.length) return undefined;
  return parts.reduce<number | undefined>((sum, [, digits, unit = '']) => {
    const factor = units[unit === '' ? 's' : unit];
    return sum === undefined || factor === undefined ? undefined : sum + Number(digits) * factor;
  }, 0);
}
