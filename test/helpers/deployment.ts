import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { plainFacts } from './facts.js';

/** The facts of an app with the defaults of the library. */
export function factsOf(facts: Partial<DeploymentFacts> = {}): DeploymentFacts {
  return { ...plainFacts, name: 'shop', trustProxy: 1, workers: 1, ...facts };
}

/** Facts that differ from each other in what is written to the files of a proxy. */
export const differentFacts: readonly Partial<DeploymentFacts>[] = [
  {},
  { name: 'a' },
  { name: 'a1-shop' },
  { name: 'http' },
  { name: 'upstream' },
  { name: 'a-very-long-name-of-a-package-that-does-not-fit' },
  { port: 8080, bodyLimitBytes: null },
  { bodyLimitBytes: 1 },
  { bodyLimitBytes: 2 ** 31 },
  { health: null },
  { health: { liveness: '/healthz', readiness: '/healthz', startup: '/healthz' } },
  { health: { liveness: '/-/a.b', readiness: '/-/ready', startup: '/-/started' } },
  { keepAliveTimeoutMs: 0 },
  { keepAliveTimeoutMs: 5000 },
  { keepAliveTimeoutMs: 6500 },
  { keepAliveTimeoutMs: 600_000 },
  { responseTimeoutMs: 1 },
  { responseTimeoutMs: 30_000, requestTimeoutMs: 0, headersTimeoutMs: 0 },
  { staticDirectories: [{ path: '/', directory: 'public', behind: [] }] },
  { staticDirectories: [{ path: '/static', directory: './dist/client/', behind: [] }] },
  {
    staticDirectories: [
      { path: '/', directory: 'public', behind: [] },
      { path: '/', directory: 'uploads', behind: [] },
      { path: '/a.b/', directory: 'a', behind: [] },
    ],
  },
  { compression: false },
  { cache: true, sessionCookies: ['connect.sid'] },
  { sessionCookies: ['connect.sid', '__Host-id', 'a-b.c'] },
  { webSocketPaths: ['/'] },
  { webSocketPaths: ['/socket.io/', '/ws'] },
  { eventStreamPaths: ['/events'] },
  { webSocketPaths: ['/'], staticDirectories: [{ path: '/', directory: 'public', behind: [] }] },
  { webSocketPaths: ['/live'], eventStreamPaths: ['/live.events', '/b/c'], compression: false },
  { trustProxy: 'all', workers: 'max' },
  { trustProxy: 'custom', workers: 8, memoryBytes: 2 ** 29 },
  {
    health: null,
    bodyLimitBytes: null,
    keepAliveTimeoutMs: 1,
    compression: false,
    staticDirectories: [{ path: '/assets', directory: 'assets', behind: [] }],
    webSocketPaths: ['/'],
    eventStreamPaths: ['/events'],
    sessionCookies: ['sid'],
  },
];
