import { existsSync } from 'node:fs';
import { attempt } from './attempt.js';
import { unobserved } from './unobserved.js';

type Env = Readonly<Record<string, string | undefined>>;

export type ProcessManager = 'PM2' | 'Kubernetes' | 'ECS' | 'systemd' | 'a container';

/** Returns the process manager that starts and stops this process, based on its environment. Called at set-up only. */
export function findProcessManager(env: Env = process.env): ProcessManager | undefined {
  if (env.pm_id !== undefined) return 'PM2';
  if (env.KUBERNETES_SERVICE_HOST) return 'Kubernetes';
  if (env.ECS_CONTAINER_METADATA_URI_V4) return 'ECS';
  if (env.INVOCATION_ID) return 'systemd';
  return unobserved(isInContainer) ? 'a container' : undefined;
}

function isInContainer(): boolean {
  // Node's permission model throws for a path that this process may not read
  return attempt(() => existsSync('/.dockerenv') || existsSync('/run/.containerenv'), false);
}
