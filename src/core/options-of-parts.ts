import type { LoggerOptions } from '../logging/logger.js';
import { optionChecks as compression } from '../middleware/compression/index.js';
import { optionChecks as deadline } from '../middleware/deadline/index.js';
import { optionChecks as errorHandler } from '../middleware/error-handler/index.js';
import { optionChecks as healthChecks } from '../middleware/health-checks/health-options.js';
import { optionChecks as loadShedding } from '../middleware/load-shedding/index.js';
import { optionChecks as metrics } from '../middleware/metrics/index.js';
import { optionChecks as productionGuard } from '../middleware/production-guard/index.js';
import { optionChecks as requestContext } from '../middleware/request-context/index.js';
import { optionChecks as requestLogger } from '../middleware/request-logger/request-logger-options.js';
import { optionChecks as cache } from '../middleware/response-cache/index.js';
import { optionChecks as detectSyncIo } from '../middleware/sync-io/index.js';
import { optionChecks as fatalErrors } from '../process/fatal-errors/index.js';
import { optionChecks as gracefulShutdown } from '../process/shutdown/shutdown-settings.js';
import { isMilliseconds } from '../support/options.js';
import { isBalancer } from './fast-path/server-timeouts.js';
import type { ProductionizeOptions } from './productionize-options.js';

const logger: { [Name in keyof Required<LoggerOptions>]: 1 } = {
  level: 1,
  destination: 1,
  redact: 1,
  base: 1,
  levelSignal: 1,
  levelSignalMs: 1,
};

/** The options of each part, by name. */
export const optionsOfParts = {
  fastPath: { balancer: isBalancer },
  productionGuard,
  healthChecks,
  // the CommonJS form loads the files of the getters when they are used
  get metrics() {
    return metrics;
  },
  loadShedding,
  requestContext,
  logger,
  requestLogger,
  deadline,
  get detectSyncIo() {
    return detectSyncIo;
  },
  streamErrors: {},
  compression,
  get cache() {
    return cache;
  },
  bodyGuard: {},
  asyncErrors: { noResponseMs: isMilliseconds() },
  errorHandler,
  fatalErrors,
  gracefulShutdown,
} satisfies Record<keyof ProductionizeOptions, object>;
