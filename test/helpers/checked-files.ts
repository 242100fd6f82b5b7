import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { plainFacts } from './facts.js';

/** The facts of the app with which the files of fixtures/deploy-check agree. */
export const checkedFacts: DeploymentFacts = {
  ...plainFacts,
  name: 'shop',
  trustProxy: 1,
  bodyLimitBytes: 1_000_000,
  responseTimeoutMs: 30_000,
  webSocketPaths: ['/'],
  eventStreamPaths: ['/events'],
};

/** The names of these files, one of each kind. */
export const checkedFiles = [
  'nginx.conf',
  'haproxy.cfg',
  'shop.service',
  'Dockerfile',
  'compose.yaml',
  'deployment.yaml',
  'ecosystem.config.cjs',
];

export const textOf = (name: string): string =>
  readFileSync(path.join(__dirname, '../fixtures/deploy-check', name), 'utf8');
