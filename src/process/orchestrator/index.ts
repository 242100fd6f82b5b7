import { existsSync } from 'node:fs';
import path from 'node:path';
import { readEnvironment } from '../../support/environment.js';
import { warnOnce } from '../../support/errors.js';
import { stopTimeoutMs } from './systemd-unit.js';

/** Who starts and stops this process, as far as its environment tells. */
export interface Orchestrator {
  readonly name: 'PM2' | 'Kubernetes' | 'ECS' | 'systemd' | 'a container' | 'nobody known';
  /** Milliseconds between its signal and its SIGKILL. */
  readonly graceMs: number;
  /** True when the figure was told, false when it is the usual one. */
  readonly told: boolean;
  /** Milliseconds a balancer goes on sending requests after the signal. */
  readonly delayMs: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Asks the environment of the process; called at set-up only. */
export function findOrchestrator(env: Env = process.env): Orchestrator {
  if (env.pm_id !== undefined) {
    const told = Number(env.kill_timeout) > 0;
    return { name: 'PM2', graceMs: told ? Number(env.kill_timeout) : 1600, told, delayMs: 0 };
  }
  // endpoints are taken out of the balancers while the pod gets its signal, not before
  if (env.KUBERNETES_SERVICE_HOST) {
    return { name: 'Kubernetes', graceMs: 30_000, told: false, delayMs: 5000 };
  }
  if (env.ECS_CONTAINER_METADATA_URI_V4) return { name: 'ECS', graceMs: 30_000, told: false, delayMs: 5000 };
  if (env.INVOCATION_ID) {
    const told = stopTimeoutMs();
    return { name: 'systemd', graceMs: told ?? 90_000, told: told !== undefined, delayMs: 0 };
  }
  const contained = exists('/.dockerenv') || exists('/run/.containerenv');
  return { name: contained ? 'a container' : 'nobody known', graceMs: 10_000, told: false, delayMs: 0 };
}

/** What the permission model keeps from us counts as absent. */
function exists(file: string): boolean {
  try {
    return existsSync(file);
  } catch {
    return false;
  }
}

/** What is left of a grace for our own end: the log, and hooks that run after a cut. */
export function marginOf(graceMs: number): number {
  return Math.min(1000, Math.max(300, graceMs * 0.05));
}

/** Says once that a package manager stands between the orchestrator and this process in production. */
export function warnOfNpmStart(env: Env = process.env): void {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '' } = env;
  if (event === undefined || readEnvironment(env.NODE_ENV).mode !== 'production') return;
  const name = path.parse(process.argv[1] ?? '').name;
  // children of `npm test` inherit these variables, and are not what that script names
  if (event !== 'start' && !(name !== '' && script.includes(name))) return;
  warnOnce(
    'ERR_PRODUCTIONIZE_NPM_START',
    `Started by \`npm run ${event}\`: a SIGTERM for npm does not wait for this process, and may never reach it. Start node itself: ${script || 'node app.js'}.`,
  );
}
