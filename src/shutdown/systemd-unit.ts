import { readFileSync } from 'node:fs';
import path from 'node:path';
import { unobserved } from '../support/unobserved.js';

/** Where units stand, the strongest first (systemd.unit(5)). */
const unitFolders = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
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
 * Milliseconds of the `TimeoutStopSec=` in the file of the unit this process runs in; `undefined` where no file says
 * so. Drop-ins are not read.
 */
export function stopTimeoutMs(
  folders: readonly string[] = unitFolders,
  cgroup = readText('/proc/self/cgroup'),
): number | undefined {
  const unit = /\/([^/\n]+\.service)$/m.exec(cgroup ?? '')?.[1];
  if (unit === undefined) return undefined;
  const files = [unit, unit.replace(/@.*(?=\.service$)/, '@')];
  for (const folder of folders) {
    for (const file of files) {
      const said = readText(path.join(folder, file))
        ?.match(/^Timeout(?:Stop)?Sec *= *(.+)$/gm)
        ?.at(-1);
      if (said !== undefined) return parseSpan(said.slice(said.indexOf('=') + 1).trim());
    }
  }
  return undefined;
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
