import type { Check } from '../audit-finding.js';
import { compressionChecks } from './compression-checks.js';
import { deploymentChecks } from './deployment-checks.js';
import { environmentChecks } from './environment-checks.js';
import { exceptionChecks } from './exception-checks.js';
import { orderChecks } from './order-checks.js';
import { projectChecks } from './project-checks.js';
import { proxyChecks } from './proxy-checks.js';
import { responseChecks } from './response-checks.js';
import { restartChecks } from './restart-checks.js';
import { staticChecks } from './static-checks.js';
import { streamChecks } from './stream-checks.js';
import { synchronousCallChecks } from './synchronous-call-checks.js';

/** All checks, in the order of the guide. */
export const checks: readonly Check[] = [
  ...compressionChecks,
  ...synchronousCallChecks,
  ...exceptionChecks,
  ...environmentChecks,
  ...restartChecks,
  ...proxyChecks,
  ...responseChecks,
  ...deploymentChecks,
  ...streamChecks,
  ...orderChecks,
  ...staticChecks,
  ...projectChecks,
];
