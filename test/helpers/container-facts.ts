import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { plainFacts } from './facts.js';

/** The facts of a small app, and what differs from it. */
export function containerFacts(facts: Partial<DeploymentFacts> = {}): DeploymentFacts {
  return { ...plainFacts, name: 'shop', bodyLimitBytes: null, workers: 1, shutdownMs: 9500, ...facts };
}

/** Facts that differ from each other in what is written to the files of containers. */
export const differentContainers: readonly Partial<DeploymentFacts>[] = [
  {},
  { name: 'a' },
  { name: '1-shop' },
  { name: '123' },
  { name: 'redis' },
  { name: 'on' },
  { name: 'a-very-long-name-of-a-package-that-is-longer-than-a-label-of-dns-may-be' },
  { name: 'shop-' },
  { script: 'dist/server.js', hasBuildScript: true },
  { script: 'my app.js' },
  { script: 'it\'s "quoted" $HOME \\ `id`.js' },
  { script: '-x.js' },
  { script: 'é/日本.mjs' },
  { nodeMajor: 26 },
  { packageManager: 'pnpm' },
  { packageManager: 'pnpm', hasBuildScript: true },
  { packageManager: 'pnpm', hasLockFile: false },
  { packageManager: 'yarn' },
  { packageManager: 'yarn', hasBuildScript: true },
  { packageManager: 'yarn', hasLockFile: false, hasBuildScript: true },
  { hasLockFile: false },
  { hasLockFile: false, hasBuildScript: true },
  { port: 80, readsPort: false },
  { port: 65_535, readsPort: false, health: null },
  { health: null },
  { health: { liveness: '/healthz', readiness: '/healthz', startup: '/healthz' } },
  { health: { liveness: '/$HOME/$(x)', readiness: "/it's", startup: '/"a":#b' } },
  { cache: true },
  { cache: true, health: null, name: 'redis' },
  { sessionCookies: ['connect.sid'], trustProxy: 'all', workers: 'max' },
  { memoryBytes: 1 },
  { memoryBytes: 2 ** 34, workers: 8 },
  { shutdownMs: 0, startupMs: 0 },
  { shutdownMs: 600_000, startupMs: 900_000 },
];
