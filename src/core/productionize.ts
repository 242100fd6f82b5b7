import type { Application } from 'express';
import { resolveContext } from '../middleware/request-context/index.js';
import { readEnvironment } from '../support/environment.js';
import { createLifecycle } from '../support/lifecycle.js';
import { pipelineKey } from '../support/symbols.js';
import { assemble } from './assemble.js';
import { assertApp, checkProductionizeOptions, warnOfSecondCall } from './check-call.js';
import { watchListeningServers } from './listening-servers.js';
import { fastPathPart } from './parts/fast-path-part.js';
import { given, type Part } from './parts/part.js';
import {
  fatalErrorsPart,
  gracefulShutdownPart,
  healthChecksPart,
  loadSheddingPart,
  productionGuardPart,
} from './parts/process-parts.js';
import {
  asyncErrorsPart,
  bodyGuardPart,
  cachePart,
  compressionPart,
  deadlinePart,
  detectSyncIoPart,
  errorHandlerPart,
  loggerPart,
  requestContextPart,
  requestLoggerPart,
  streamErrorsPart,
} from './parts/request-parts.js';
import type { ProductionizeOptions } from './productionize-options.js';
import { attachedTo } from './report.js';

/** The order, from the start of a request to its response; each part says in its report why it stands there. */
const order: readonly Part[] = [
  productionGuardPart, // once, at the start: everything below depends on NODE_ENV
  fastPathPart, // before a part puts anything on the prototypes of requests and responses
  healthChecksPart, // probes need nothing of what follows, and must not wait for it
  loadSheddingPart, // a refused request costs neither context nor log line
  requestContextPart, // id, signal and AsyncLocalStorage, before anything logs
  loggerPart, // req.log
  requestLoggerPart, // sees every response, those of the parts below included
  deadlinePart, // its 503 is logged like every response
  detectSyncIoPart, // blames what the routes do, not what stands above
  streamErrorsPart, // guards the response that compression writes to
  compressionPart, // it sees what the routes and the cache send
  cachePart, // inside compression, so that it stores plain bodies
  bodyGuardPart, // the moment a body parser sets req.body
  // your routes
  asyncErrorsPart, // what they throw or reject with
  errorHandlerPart, // behind all error handlers of the app
  fatalErrorsPart, // uncaught exceptions and rejections, once a server exists
  gracefulShutdownPart, // the end of the process, once a server exists
];

/**
 * Makes one Express 4 or 5 app ready for production: request context and log, compression, async and stream errors,
 * a safe last error handler, fatal errors, and checks of NODE_ENV and settings. It may stand before or after the
 * routes; the app's own middleware of the same kind is found and left in place; a second call changes nothing. Each part is
 * `false`, `true` or its options. Returns the app.
 *
 * @throws ProductionizeError when `app` is no Express app or an option is wrong.
 * @see https://expressjs.com/en/advanced/best-practice-performance.html
 * @example
 * const app = productionize(express())
 * app.listen(3000)
 */
export function productionize<App extends Application>(app: App, options?: ProductionizeOptions): App {
  assertApp(app);
  const checked = checkProductionizeOptions(options);
  const attached = attachedTo(app);
  if (attached) {
    warnOfSecondCall(attached.options, checked);
    return app;
  }
  const value = assemble(order, {
    app,
    options: checked,
    environment: readEnvironment(),
    context: resolveContext(given(checked.requestContext)),
    lifecycle: createLifecycle(),
    findings: [],
    logger: undefined,
  });
  Object.defineProperty(app, pipelineKey, { value, configurable: true });
  watchListeningServers(app);
  return app;
}

/**
 * Takes everything `productionize` attached off an app again; an app without it is left as it is.
 *
 * @example
 * restoreApp(app)
 */
export function restoreApp(app: Application): void {
  attachedTo(app)?.restore();
}
