import { isDeepStrictEqual } from 'node:util';
import type { Application } from 'express';
import { isRequest, ProductionizeError, quote, warnOnce } from '../support/errors.js';
import { type Check, checkOptions, isBoolean, isEither, isObject } from '../support/options.js';
import { isPartLogger } from '../support/part-logger.js';
import { optionsOfParts } from './options-of-parts.js';
import type { ProductionizeOptions } from './productionize-options.js';

const isOptions = isObject('an options object');
const isSwitch = isEither(isBoolean, isOptions);
const isCache: Check = (value) =>
  typeof value === 'function' && 'purge' in value ? undefined : 'what responseCache() returned';
// a factory without its parentheses has other parameters, and no request would end; apps and routers have `handle`
const isMiddleware =
  (example: string): Check =>
  (value) =>
    typeof value === 'function' && value.length === 3 && !('handle' in value)
      ? undefined
      : `a middleware with the parameters (req, res, next), such as ${example}`;
const isErrorHandler: Check = (value) =>
  typeof value === 'function' && value.length === 4
    ? undefined
    : 'an error handler with the parameters (error, req, res, next)';
const isContext: Check = (value) =>
  value === true || isOptions(value) === undefined
    ? undefined
    : 'true or an options object; it cannot be switched off, since req.id, req.log, the log and the async errors are built on it';

/** Checks the options of `productionize`; each part checks its own options. */
export function checkProductionizeOptions(options?: ProductionizeOptions): Partial<ProductionizeOptions> {
  refuseOptionOfPart(options);
  return checkOptions<ProductionizeOptions>('productionize', options, {
    fastPath: isSwitch,
    productionGuard: isSwitch,
    metrics: isSwitch,
    loadShedding: isSwitch,
    requestContext: isContext,
    logger: isEither(isSwitch, isPartLogger),
    requestLogger: isEither(isSwitch, isMiddleware("`morgan('combined')`")),
    deadline: isSwitch,
    detectSyncIo: isSwitch,
    streamErrors: isBoolean,
    compression: isEither(isSwitch, isMiddleware('`compression()`')),
    cache: isEither(isSwitch, isCache),
    bodyGuard: isBoolean,
    asyncErrors: isSwitch,
    errorHandler: isEither(isSwitch, isErrorHandler),
    fatalErrors: isSwitch,
    gracefulShutdown: isSwitch,
    healthChecks: isSwitch,
  });
}

function refuseOptionOfPart(options: unknown): void {
  if (isOptions(options) !== undefined) return;
  for (const name of Object.keys(options as object)) {
    if (Object.hasOwn(optionsOfParts, name)) continue;
    const parts = Object.entries(optionsOfParts).filter(([, known]) => Object.hasOwn(known, name));
    if (parts.length === 0) continue;
    const hint = parts.map(([part]) => `\`${part}: { ${name} }\``).join(' or ');
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `productionize: unknown option ${quote(name)}. It is an option of a part: did you mean ${hint}?`,
    );
  }
}

/** A second call changes nothing. If its options differ from those of the first call, one warning names them. */
export function warnOfSecondCall(first: object = {}, second: object): void {
  const before = first as Record<string, unknown>;
  const ignored = Object.entries(second).filter(([name, value]) => !isDeepStrictEqual(before[name], value));
  if (ignored.length === 0) return;
  const list = ignored.map(([name]) => `\`${name}\``).join(', ');
  warnOnce(
    'ERR_PRODUCTIONIZE_TWICE',
    `productionize was called on this app before, and a second call changes nothing: ${list} ${ignored.length > 1 ? 'have' : 'has'} no effect. Pass all options to the first call, or call restoreApp(app) in between.`,
    list,
  );
}

export function assertApp(app: unknown): asserts app is Application {
  const { handle, set, stack, getHttpAdapter } = Object(app) as Record<string, unknown>;
  if (typeof app === 'function' && typeof handle === 'function' && typeof set === 'function') return;
  if (isRequest(app)) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_MIDDLEWARE',
      'productionize: it looks as if you wrote app.use(productionize). productionize is no middleware: write productionize(app), without app.use.',
    );
  }
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
