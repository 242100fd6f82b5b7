import { debugFor } from '../../support/debug.js';
import { readEnvironment } from '../../support/environment.js';
import { preloadSyncCalls } from './sync-builtins.js';

// the entry of `node --import express-productionize/sync-io app.js` and of `node --require`
if (readEnvironment().mode === 'production') {
  debugFor('sync-io')(() => ['the preload did nothing: NODE_ENV is production']);
} else {
  preloadSyncCalls();
}
