import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { attempt } from '../../support/attempt.js';
import { debugFor } from '../../support/debug.js';
import { clusterWorker } from '../../support/parent-process.js';
import { processWide } from '../../support/process-wide.js';
import { pm2EnvironmentKey } from '../../support/symbols.js';
import { unobserved } from '../../support/unobserved.js';

const debug = debugFor('graceful-shutdown');

type Env = Readonly<Record<string, string | undefined>>;

/** Variables that differ between shells and do not configure the app. */
const ofTheShell = /^(PWD|OLDPWD|SHLVL|COLUMNS|LINES|TERM|SSH_.*|WINDOWID)$/;

/**
 * Describes the environment under PM2: its fingerprint, and whether it differs from that of the last start. PM2 reuses
 * the environment of the first start unless `--update-env` is given, so that changed variables have no effect. The last
 * fingerprint is stored beside PM2's file with the process id. `undefined` where PM2 did not start this process.
 */
export function describePm2Environment(env: Env = process.env): string | undefined {
  const { pm_id: id, pm_pid_path: pidFile, exec_mode: mode } = env;
  if (id === undefined || !pidFile) return undefined;
  // this process is a cluster worker of the process that PM2 started
  if (clusterWorker() !== undefined && mode !== 'cluster_mode') return undefined;
  const now = fingerprintOf(env);
  const file = `${pidFile}.env`;
  const before = unobserved(lastIn, file);
  try {
    if (before !== now) unobserved(() => writeFileSync(file, now, { mode: 0o600 }));
  } catch (error) {
    debug(() => ['%s: the fingerprint of the environment is not stored: %o', file, error]);
  }
  if (before === undefined) return `environment ${now}`;
  return before === now
    ? `environment ${now}, unchanged since the last start; \`pm2 restart --update-env\` takes over changes`
    : `environment ${now}, changed since the last start (${before})`;
}

/** The same for this process. It runs once, because it overwrites the stored fingerprint. */
export function pm2Environment(): string | undefined {
  return processWide(pm2EnvironmentKey, () => ({ text: describePm2Environment() })).text;
}

/** Hashes the variables in capital letters. PM2's own variables are in lower case and change with each start. */
function fingerprintOf(env: Env): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(env).sort()) {
    if (/^[A-Z][A-Z0-9_]*$/.test(name) && !ofTheShell.test(name)) hash.update(`${name}=${env[name]}\0`);
  }
  return hash.digest('hex').slice(0, 8);
}

function lastIn(file: string): string | undefined {
  return attempt(() => readFileSync(file, 'utf8').slice(0, 8));
}
