import type { IncomingMessage } from 'node:http';
import type { Application, RequestHandler } from 'express';
import { debugFor } from '../../support/debug.js';
import { type Environment, readEnvironment } from '../../support/environment.js';
import { type ErrorCode, ProductionizeError, quote, warnOnce } from '../../support/errors.js';
import { checkOptions, isOneOf, refuseRequest } from '../../support/options.js';

const debug = debugFor('production-guard');

/** Options of {@link productionGuard}. */
export interface ProductionGuardOptions {
  /**
   * What a wrong NODE_ENV does: `warn` names it once, `throw` stops the start, `off` looks at nothing.
   * @default 'warn'
   */
  readonly mode?: 'warn' | 'throw' | 'off';
}

/** One thing the guard found, and what it did about it. */
export interface Finding {
  readonly code: ErrorCode | 'fixed' | 'note';
  readonly message: string;
}

/** The guard as the middleware it returns, with what it found. */
export type ProductionGuard = RequestHandler & {
  /** What was found and fixed so far. */
  readonly findings: readonly Finding[];
  /** Looks again; a late `dotenv` may have set NODE_ENV since. */
  recheck(): void;
};

/**
 * Checks that the app runs as production should, and hardens it where it does not: NODE_ENV and its near misses,
 * `view cache`, `x-powered-by`, the query parser, and `trust proxy` against the X-Forwarded-For really seen.
 * NODE_ENV is read at set-up, never per request. Quiet in development and test. Source: "Set NODE_ENV to production"
 * (https://expressjs.com/en/advanced/best-practice-performance.html) and "Express behind proxies".
 *
 * @throws ProductionizeError for a wrong option, and for a wrong NODE_ENV when `mode` is `throw`.
 * @example
 * app.use(productionGuard(app))
 */
export function productionGuard(app: Application, options?: ProductionGuardOptions): ProductionGuard {
  refuseRequest('productionGuard', app, 'app.use(productionGuard(app))');
  const { mode = 'warn' } = checkOptions('productionGuard', options, {
    mode: isOneOf('warn', 'throw', 'off'),
  });
  const findings: Finding[] = [];
  const found = (code: Finding['code'], message: string): void => {
    if (findings.some((finding) => finding.message === message)) return;
    findings.push({ code, message });
    debug(() => ['%s: %s', code, message]);
    if (code === 'fixed' || code === 'note') return;
    if (mode === 'throw' && code.startsWith('ERR_PRODUCTIONIZE_NODE_ENV')) {
      throw new ProductionizeError(code, message);
    }
    warnOnce(code, message);
  };
  const recheck = (): void => {
    if (mode === 'off') return;
    const environment = readEnvironment();
    checkNodeEnv(app, environment, found);
    if (environment.mode !== 'production') return;
    harden(app, found);
    checkDebug(process.env.DEBUG, found);
  };
  recheck();

  let watching = mode !== 'off' && readEnvironment().mode === 'production';
  const middleware: RequestHandler = function productionGuardMiddleware(req, _res, next) {
    if (watching) watching = !checkForwarded(app, req, found);
    next();
  };
  return Object.assign(middleware, { findings, recheck });
}

type Found = (code: Finding['code'], message: string) => void;

function checkNodeEnv(app: Application, { raw, mode, nearMiss }: Environment, found: Found): void {
  if (nearMiss) {
    found(
      'ERR_PRODUCTIONIZE_NODE_ENV',
      `NODE_ENV is ${quote(raw)}: expected exactly 'production', so Express and its packages run in development mode. Set NODE_ENV=production.`,
    );
  }
  if (mode !== 'production' || app.get('env') !== 'development') return;
  app.set('env', raw || 'production');
  if (raw) {
    found(
      'ERR_PRODUCTIONIZE_NODE_ENV_LATE',
      `NODE_ENV became ${quote(raw)} after express() was called, so the app had started as 'development'. Load dotenv before everything else: node --env-file=.env, or --import dotenv/config.`,
    );
  }
}

function harden(app: Application, found: Found): void {
  if (!app.enabled('view cache')) {
    app.enable('view cache');
    found('fixed', 'view cache was off: templates were read and compiled for each answer. Turned on.');
  }
  if (app.enabled('x-powered-by')) {
    app.disable('x-powered-by');
    found('fixed', 'x-powered-by was on: it tells strangers what runs here. Turned off.');
  }
  if (app.get('query parser') === 'extended') {
    found('note', "the query parser is 'extended': ?a[b]=c makes objects where code expects strings.");
  }
  if (app.get('trust proxy') === true) {
    found(
      'ERR_PRODUCTIONIZE_TRUST_PROXY',
      "'trust proxy' is true: any client may claim any address in X-Forwarded-For. Set it to the number of proxies in front, or to their addresses.",
    );
  }
}

function checkDebug(namespaces: string | undefined, found: Found): void {
  const all = namespaces?.split(/[\s,]+/).includes('*');
  if (!all) return;
  found(
    'ERR_PRODUCTIONIZE_DEBUG_ALL',
    'DEBUG is *: every package formats and writes its diagnostics synchronously. Name what you need, for example DEBUG=productionize:*.',
  );
}

/** Looks at the proxy headers of a request; true when there is nothing left to look for. */
function checkForwarded(app: Application, { headers }: IncomingMessage, found: Found): boolean {
  if (headers.forwarded !== undefined && headers['x-forwarded-for'] === undefined) {
    found(
      'ERR_PRODUCTIONIZE_FORWARDED',
      'A request came with a Forwarded header, which Express does not read. Have the proxy send X-Forwarded-For and X-Forwarded-Proto.',
    );
    return false;
  }
  const chain = headers['x-forwarded-for'];
  if (chain === undefined) return false;
  if (app.get('trust proxy') !== false) return true;
  const hops = String(chain).split(',', 20).length;
  found(
    'ERR_PRODUCTIONIZE_TRUST_PROXY',
    `X-Forwarded-For arrives with ${hops} ${hops === 1 ? 'address' : 'addresses'}, but 'trust proxy' is off: req.ip is the proxy's address and req.protocol is wrong behind TLS. If ${hops === 1 ? 'one proxy of yours stands' : `${hops} proxies of yours stand`} in front: app.set('trust proxy', ${hops}).`,
  );
  return true;
}
