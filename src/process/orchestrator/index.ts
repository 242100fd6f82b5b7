import path from 'node:path';
import { readEnvironment } from '../../support/environment.js';
import { warnOnce } from '../../support/errors.js';
import { findProcessManager, type ProcessManager } from '../../support/process-manager.js';
import { stopTimeoutMs } from './systemd-unit.js';

/** The manager that starts and stops this process, according to its environment. */
export interface Orchestrator {
  readonly name: ProcessManager | 'nobody known';
  /** Milliseconds between its signal and its SIGKILL. */
  readonly graceMs: number;
  /** True when the environment states the figure, false when it is the usual one. */
  readonly told: boolean;
  /** Milliseconds a balancer goes on sending requests after the signal. */
  readonly delayMs: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads the environment of the process; called at set-up only. */
export function findOrchestrator(env: Env = process.env): Orchestrator {
  const manager = findProcessManager(env);
  switch (manager) {
    case 'PM2': {
      const told = Number(env.kill_timeout) > 0;
      return { name: manager, graceMs: told ? Number(env.kill_timeout) : 1600, told, delayMs: 0 };
    }
    // endpoints are taken out of the balancers while the pod gets its signal, not before
    case 'Kubernetes':
    case 'ECS':
      return { name: manager, graceMs: 30_000, told: false, delayMs: 5000 };
    case 'systemd': {
      const told = stopTimeoutMs();
      return { name: manager, graceMs: told ?? 90_000, told: told !== undefined, delayMs: 0 };
    }
    default:
      return { name: manager ?? 'nobody known', graceMs: 10_000, told: false, delayMs: 0 };
  }
}

/** The part of the grace period for the log, and for hooks that run after connections were closed. */
export function marginOf(graceMs: number): number {
  return Math.min(1000, Math.max(300, graceMs * 0.05));
}

/** Warns once that a package manager stands between the orchestrator and this process in production. */
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
