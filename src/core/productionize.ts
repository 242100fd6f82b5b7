import type { Application } from 'express';
import { resolveContext } from '../middleware/request-context/index.js';
import { debugFor } from '../support/debug.js';
import { readEnvironment } from '../support/environment.js';
import { ProductionizeError, quote } from '../support/errors.js';
import { expressMajor, routerOf } from '../support/express-layers.js';
import { createLifecycle } from '../support/lifecycle.js';
import { type Check, checkOptions, isBoolean, isEither, isObject } from '../support/options.js';
import { pipelineKey } from '../support/symbols.js';
import { findMiddleware } from './express/found-middleware.js';
import { installFastETag } from './fast-path/fast-etag.js';
import { installFastAnswers } from './fast-path/fast-response.js';
import type { Assembly, Part, Running } from './parts/part.js';
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
import { attachPipeline, type Pipeline } from './pipeline.js';
import type { ProductionizeOptions } from './productionize-options.js';
import { type Attached, attachedTo, makeReport, type PartReport } from './report.js';
import { constructorsOf } from './server.js';

const debug = debugFor('productionize');

/** The order, from the start of a request to its answer; each part says in its report why it stands there. */
const order: readonly Part[] = [
  productionGuardPart, // once, at the start: everything below depends on NODE_ENV
  healthChecksPart, // probes need nothing of what follows, and must not wait for it
  loadSheddingPart, // a refused request costs neither context nor log line
  requestContextPart, // id, signal and AsyncLocalStorage, before anything logs
  loggerPart, // req.log
  requestLoggerPart, // sees every answer, those of the parts below included
  deadlinePart, // its 503 is logged like every answer
  detectSyncIoPart, // blames what the routes do, not what stands above
  streamErrorsPart, // guards the response that compression writes to
  compressionPart, // it sees what the routes and the cache send
  cachePart, // inside compression, so that it keeps plain bodies
  bodyGuardPart, // the moment a body parser sets req.body
  // your routes
  asyncErrorsPart, // what they throw or reject with
  errorHandlerPart, // behind all error handlers of the app
  fatalErrorsPart, // what got past everything
  gracefulShutdownPart, // the end of the process, once a server exists
];

const isOptions = isObject('an options object');
const isSwitch = isEither(isBoolean, isOptions);
const isCache: Check = (value) =>
  typeof value === 'function' && 'purge' in value ? undefined : 'what responseCache() returned';

/**
 * Makes one Express 4 or 5 app ready for production: request context and log, compression, async and stream errors,
 * a safe last error handler, fatal errors, and checks of NODE_ENV and settings. It may stand before or after the
 * routes; the app's own middleware of the same kind is found and kept; a second call changes nothing. Each part is
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
  if (attachedTo(app)) {
    debug(() => ['productionize was called before on this app: nothing changed']);
    return app;
  }
  const checked = checkOptions<ProductionizeOptions>('productionize', options, {
    productionGuard: isSwitch,
    loadShedding: isSwitch,
    requestContext: isOptions,
    logger: isSwitch,
    requestLogger: isSwitch,
    deadline: isSwitch,
    detectSyncIo: isSwitch,
    streamErrors: isBoolean,
    compression: isSwitch,
    cache: isEither(isSwitch, isCache),
    bodyGuard: isBoolean,
    asyncErrors: isSwitch,
    errorHandler: isSwitch,
    fatalErrors: isSwitch,
    gracefulShutdown: isSwitch,
    healthChecks: isSwitch,
  });
  const attached = assemble({
    app,
    options: checked,
    environment: readEnvironment(),
    lifecycle: createLifecycle(),
    findings: [],
    logger: undefined,
  });
  Object.defineProperty(app, pipelineKey, { value: attached, configurable: true });
  return app;
}

/** Takes everything `productionize` attached off an app again. */
export function restore(app: Application): void {
  attachedTo(app)?.restore();
}

function assemble(assembly: Assembly): Attached {
  const { app, lifecycle } = assembly;
  // before a part puts anything on the app's prototypes, so that each can take its own off again
  constructorsOf(app);
  const running = new Map<Part, Running>();
  const conditions = new Map<Part, PartReport>();
  for (const part of order) {
    const { name } = part;
    const off = assembly.options[name] === false ? 'switched off by option' : part.offBecause?.(assembly);
    if (off !== undefined) {
      conditions.set(part, { name, state: 'off', reason: off });
      continue;
    }
    const set = part.setUp(assembly);
    running.set(part, set);
    const reason = set.detail ?? part.reason;
    conditions.set(part, { name, state: 'on', reason });
  }

  const first = () => [...running.values()].flatMap(({ first }) => first ?? []);
  const observers = () => [...running.values()].flatMap(({ before }) => before ?? []);
  const cache = () => [...running.values()].find(({ cache }) => cache)?.cache;
  const pipeline: Pipeline = {
    context: resolveContext(assembly.options.requestContext),
    lifecycle,
    first: first(),
    observers: observers(),
    cache: cache(),
    after: [...running.values()].find(({ after }) => after)?.after,
    boot() {
      const router = routerOf(app);
      const found = findMiddleware(router);
      for (const part of order) {
        const kept = running.has(part) ? part.keeps?.(found) : undefined;
        if (kept === undefined) continue;
        running.get(part)?.undo?.();
        running.delete(part);
        conditions.set(part, { name: part.name, state: 'kept', reason: kept });
      }
      for (const [part, { boot }] of running) {
        const reason = boot?.(router);
        if (reason) conditions.set(part, { name: part.name, state: 'on', reason });
      }
      undoFastPath = [installFastAnswers(app), installFastETag(app)];
      this.first = first();
      this.observers = observers();
      this.cache = cache();
      if (lifecycle.state === 'starting') lifecycle.state = 'ready';
      debug(() => ['%s', String(report())]);
    },
    onServer(server) {
      for (const { onServer } of running.values()) onServer?.(server);
    },
  };
  let undoFastPath: (() => void)[] = [];
  const { detach, adopt } = attachPipeline(app, pipeline);

  const report: Attached['report'] = () =>
    makeReport({
      express: expressMajor(app),
      environment: `NODE_ENV=${assembly.environment.raw ?? '(not set)'}`,
      parts: [...conditions.values()],
      findings: [...assembly.findings],
    });
  return {
    report,
    adopt,
    restore() {
      detach();
      for (const put of undoFastPath) put();
      for (const { undo } of running.values()) undo?.();
      running.clear();
      delete (app as unknown as { [pipelineKey]?: Attached })[pipelineKey];
    },
  };
}

function assertApp(app: unknown): asserts app is Application {
  const { handle, set, stack, getHttpAdapter } = Object(app) as Record<string, unknown>;
  if (typeof app === 'function' && typeof handle === 'function' && typeof set === 'function') return;
  let hint = 'Pass what express() returned.';
  if (Array.isArray(stack)) hint = 'This is a Router: pass the app it is mounted in.';
  if (typeof getHttpAdapter === 'function') {
    hint = 'This is a NestJS application: pass app.getHttpAdapter().getInstance().';
  }
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_APP',
    `productionize: expected an Express app, got ${quote(app)}. ${hint}`,
  );
}
