import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { unobserved } from '../../support/unobserved.js';

/** Where units stand, the strongest first (systemd.unit(5)): those of the system, then those of users. */
const unitFolders = [
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
 * Milliseconds of the `TimeoutStopSec=` of the unit this process runs in, by its file and drop-ins; `undefined` where
 * none says so.
 */
export function stopTimeoutMs(
  folders: readonly string[] = unitFolders,
  cgroup = readText('/proc/self/cgroup'),
): number | undefined {
  const unit = /\/([^/\n]+\.service)$/m.exec(cgroup ?? '')?.[1];
  if (unit === undefined) return undefined;
  // an instance of a template, else the template
  const names = [unit, unit.replace(/@.*(?=\.service$)/, '@')];
  const files = folders.flatMap((folder) => names.map((name) => path.join(folder, name)));
  const main = files.map(readText).find((text) => text !== undefined);
  const texts = [main, ...dropIns(files).map(readText)];
  const said = texts.flatMap((text) => text?.match(/^Timeout(?:Stop)?Sec *= *(.+)$/gm) ?? []).at(-1);
  return said === undefined ? undefined : parseSpan(said.slice(said.indexOf('=') + 1).trim());
}

/** Files that change units, the strongest last: they are sorted by name, and the first folder that has a name wins. */
function dropIns(units: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const unit of units) {
    for (const name of namesIn(`${unit}.d`)) {
      if (name.endsWith('.conf') && !found.has(name)) found.set(name, path.join(`${unit}.d`, name));
    }
  }
  return [...found.keys()].sort().map((name) => found.get(name) as string);
}

function namesIn(folder: string): string[] {
  try {
    return unobserved(() => readdirSync(folder));
  } catch {
    return [];
  }
}

/** A time span as systemd.time(7) writes it; `undefined` for `infinity` and what is none. */
function parseSpan(text: string): number | undefined {
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?) *([a-z]*)/gi)) {
    ms += Number(amount) * (units[unit?.toLowerCase() || 's'] ?? Number.NaN);
  }
  return ms > 0 ? ms : undefined;
}

function readText(file: string): string | undefined {
  try {
    return unobserved(() => readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
