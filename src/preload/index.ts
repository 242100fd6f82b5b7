import { isMainThread } from 'node:worker_threads';
import { inheritReadableLog } from '../logging/terminal-lines.js';
import { inheritNodeEnvOnceListening, presetProduction } from '../process/cluster/preset-production.js';
import { startAgent } from '../process/cluster/worker-agent.js';
import { hideFromChildren, isOurWorker, isOurWorkerProcess } from '../process/cluster/worker-protocol.js';
import { configVariable } from './app-config.js';
import { installServingHooks } from './serving-hooks.js';

// The entry of `node --import express-productionize/preload app.js`, and of each worker of `express-productionize start`.
if (isOurWorkerProcess()) {
  presetProduction();
  inheritReadableLog();
  inheritNodeEnvOnceListening();
}
if (isMainThread) {
  installServingHooks();
  if (isOurWorker()) {
    startAgent();
    hideFromChildren(configVariable);
    // `fork` passes these arguments on
    const at = process.execArgv.lastIndexOf('--import');
    if (at >= 0) process.execArgv.splice(at, 2);
  }
}

export { installServingHooks };
