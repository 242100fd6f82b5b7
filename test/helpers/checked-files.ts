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
