import type { Application } from 'express';
import { resolveContext } from '../middleware/request-context/index.js';
import { readEnvironment } from '../support/environment.js';
import { createLifecycle } from '../support/lifecycle.js';
import { pipelineKey } from '../support/symbols.js';
import { assemble } from './assemble.js';
import { assertApp, checkProductionizeOptions, warnOfSecondCall } from './check-call.js';
import { watchListeningServers } from './listening-servers.js';
import { fastPathPart } from './parts/fast-path-part.js';
import { metricsPart } from './parts/metrics-part.js';
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

/**
 * The order of the parts, from the start of a request to its response. The report contains each part's reason for its
 * position.
 */
const order: readonly Part[] = [
  productionGuardPart, // runs once, at the start: everything below depends on NODE_ENV
  fastPathPart, // runs before a part changes the prototypes of requests and responses
  healthChecksPart, // probes need none of the parts below and must not wait for them
  metricsPart, // measures what the parts below take, and counts what load shedding refuses
  loadSheddingPart, // a refused request needs neither a context nor a log line
  requestContextPart, // sets id, signal and AsyncLocalStorage before any part logs
  loggerPart, // sets req.log
  requestLoggerPart, // logs every response, those of the parts below included
  deadlinePart, // its 503 is logged like every response
  detectSyncIoPart, // reports calls of the routes, not of the parts above
  streamErrorsPart, // guards the response that compression writes to
  compressionPart, // compresses what the routes and the cache send
  cachePart, // runs inside compression, so that it stores bodies without an encoding
  bodyGuardPart, // strips keys when a body parser sets req.body
  // the app's own routes run here
  asyncErrorsPart, // handles what the routes throw or reject with
  errorHandlerPart, // runs after all error handlers of the app
  fatalErrorsPart, // handles uncaught exceptions and rejections, once a server exists
  gracefulShutdownPart, // shuts the process down, once a server exists
];

/**
 * Makes one Express 4 or 5 app ready for production. It adds a request context and log, compression, and the handling
 * of async and stream errors. It adds a safe last error handler, the handling of fatal errors, and checks of NODE_ENV
 * and settings.
 *
 * It can be called before or after the routes are added. The app's own middleware of the same kind is found and left in
 * place. A second call changes nothing. Each part is `false`, `true`, its options, or for
 * some parts the app's own. Returns the app.
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
    onRefused: undefined,
  });
  Object.defineProperty(app, pipelineKey, { value, configurable: true });
  watchListeningServers(app);
  return app;
}

/**
 * Removes everything that `productionize` attached to an app. An app without it is not changed.
 *
 * @example
 * restoreApp(app)
 */
export function restoreApp(app: Application): void {
  attachedTo(app)?.restore();
}
