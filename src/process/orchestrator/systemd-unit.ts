import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { unobserved } from '../../support/unobserved.js';

/** The directories of unit files, highest precedence first (systemd.unit(5)): those of the system, then of users. */
const unitDirectories = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  path.join(process.env.XDG_CONFIG_HOME || path.join(os.homedir(), '.config'), 'systemd/user'),
  '/etc/systemd/user',
  '/run/systemd/user',
  '/usr/lib/systemd/user',
];

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/**
 * The `TimeoutStopSec=` of the unit of this process in milliseconds, read from the unit file and its drop-ins.
 * `undefined` where no file sets it.
 */
export function stopTimeoutMs(
  directories: readonly string[] = unitDirectories,
  cgroup = readText('/proc/self/cgroup'),
): number | undefined {
  const unit = /\/([^/\n]+\.service)$/m.exec(cgroup ?? '')?.[1];
  if (unit === undefined) return undefined;
  // an instance of a template may have a file; else the file of the template applies
  const names = [unit, unit.replace(/@.*(?=\.service$)/, '@')];
  const files = directories.flatMap((directory) => names.map((name) => path.join(directory, name)));
  const main = files.map(readText).find((text) => text !== undefined);
  const texts = [main, ...dropIns(files).map(readText)];
  const setting = texts.flatMap((text) => text?.match(/^Timeout(?:Stop)?Sec *= *(.+)$/gm) ?? []).at(-1);
  return setting === undefined ? undefined : parseSpan(setting.slice(setting.indexOf('=') + 1).trim());
}

/**
 * The drop-in files of units, sorted by name; the last one has the highest precedence. Of several files with the same
 * name, the one in the first directory is used.
 */
function dropIns(units: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const unit of units) {
    for (const name of namesIn(`${unit}.d`)) {
      if (name.endsWith('.conf') && !found.has(name)) found.set(name, path.join(`${unit}.d`, name));
    }
  }
  return [...found.keys()].sort().map((name) => found.get(name) as string);
}

function namesIn(directory: string): string[] {
  return attempt(() => unobserved(() => readdirSync(directory)), []);
}

/** Parses a time span of systemd.time(7) into milliseconds; `undefined` for `infinity` and invalid text. */
function parseSpan(text: string): number | undefined {
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?) *([a-z]*)/gi)) {
    ms += Number(amount) * (units[unit?.toLowerCase() || 's'] ?? Number.NaN);
  }
  return ms > 0 ? ms : undefined;
}

function readText(file: string): string | undefined {
  return attempt(() => unobserved(() => readFileSync(file, 'utf8')));
}
