import { isMainThread } from 'node:worker_threads';
import { inheritReadableLog } from '../logging/terminal-lines.js';
import { inheritNodeEnvOnceListening, presetProduction } from '../process/cluster/preset-production.js';
import { startAgent } from '../process/cluster/worker-agent.js';
import { isOurWorker, isOurWorkerProcess } from '../process/cluster/worker-protocol.js';
import { installServingHooks } from './serving-hooks.js';

// The entry of `node --import express-productionize/preload app.js`, and of each worker of `express-productionize start`.
if (isOurWorkerProcess()) {
  presetProduction();
  inheritReadableLog();
  inheritNodeEnvOnceListening();
}
if (isMainThread) {
  installServingHooks();
  if (isOurWorker()) startAgent();
}

export { installServingHooks };
