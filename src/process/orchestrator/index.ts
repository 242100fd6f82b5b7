import path from 'node:path';
import { readEnvironment } from '../../support/environment.js';
import { warnOnce } from '../../support/errors.js';
import { findProcessManager, type ProcessManager } from '../../support/process-manager.js';
import { stopTimeoutMs } from './systemd-unit.js';

/** The manager that starts and stops this process, according to its environment. */
export interface Orchestrator {
  readonly name: ProcessManager | 'unknown';
  /** Milliseconds between its signal and its SIGKILL. */
  readonly graceMs: number;
  /** True when the environment or the unit contains `graceMs`; false when it is the default of the manager. */
  readonly stated: boolean;
  /** Milliseconds in which a load balancer still sends requests after the signal. */
  readonly delayMs: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads the environment of the process; called at set-up only. */
export function findOrchestrator(env: Env = process.env): Orchestrator {
  const manager = findProcessManager(env);
  switch (manager) {
    case 'PM2': {
      const stated = Number(env.kill_timeout) > 0;
      return { name: manager, graceMs: stated ? Number(env.kill_timeout) : 1600, stated, delayMs: 0 };
    }
    // the load balancer removes the endpoint while the process receives its signal, not before
    case 'Kubernetes':
    case 'ECS':
      return { name: manager, graceMs: 30_000, stated: false, delayMs: 5000 };
    case 'systemd': {
      const stated = stopTimeoutMs();
      return { name: manager, graceMs: stated ?? 90_000, stated: stated !== undefined, delayMs: 0 };
    }
    default:
      return { name: manager ?? 'unknown', graceMs: 10_000, stated: false, delayMs: 0 };
  }
}

/** Milliseconds of the grace period that are reserved for the log, and for hooks that run after connections closed. */
export function marginOf(graceMs: number): number {
  return Math.min(1000, Math.max(300, graceMs * 0.05));
}

/** Warns once when, in production, a package manager is the parent of this process and receives its signals. */
export function warnOfNpmStart(env: Env = process.env): void {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '' } = env;
  if (event === undefined || readEnvironment(env.NODE_ENV).mode !== 'production') return;
  const name = path.parse(process.argv[1] ?? '').name;
  // children of `npm test` inherit these variables too, but that script does not name them
  if (event !== 'start' && !(name !== '' && script.includes(name))) return;
  warnOnce(
    'ERR_PRODUCTIONIZE_NPM_START',
    `Started by \`npm run ${event}\`: a SIGTERM for npm does not wait for this process, and may never reach it. Start node itself: ${script || 'node app.js'}.`,
  );
}
