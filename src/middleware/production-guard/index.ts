import type { IncomingMessage } from 'node:http';
import { isatty } from 'node:tty';
import type { Application, RequestHandler } from 'express';
import { attempt } from '../../support/attempt.js';
import { debugFor } from '../../support/debug.js';
import { type Environment, readEnvironment } from '../../support/environment.js';
import { type ErrorCode, ProductionizeError, quote, warnOnce } from '../../support/errors.js';
import { loadBuiltin } from '../../support/node-builtins.js';
import { checkOptions, isOneOf, refuseRequest } from '../../support/options.js';
import { findProcessManager, type ProcessManager } from '../../support/process-manager.js';

import { ForwardedHops } from './forwarded-hops.js';

const debug = debugFor('production-guard');

/** Options of {@link productionGuard}. */
export interface ProductionGuardOptions {
  /**
   * The effect of a wrong NODE_ENV: `warn` logs one warning, `throw` prevents the start, `off` disables all checks.
   * @default 'warn'
   */
  readonly mode?: 'warn' | 'throw' | 'off';
}

/** One finding of the guard, and the correction it made. */
export interface Finding {
  readonly code: ErrorCode | 'fixed' | 'note';
  readonly message: string;
}

/** The middleware, with the findings of the guard. */
export type ProductionGuard = RequestHandler & {
  /** All findings and corrections so far. */
  readonly findings: readonly Finding[];
  /** Repeats the checks, since a late `dotenv` may have set NODE_ENV. */
  recheck(): void;
  /** The fewest addresses of a received X-Forwarded-For: the number of proxies in front. */
  forwardedHops(): number | undefined;
};

export const optionChecks = {
  mode: isOneOf('warn', 'throw', 'off'),
};

/**
 * Checks that the app is configured for production, and corrects it where it is not. It checks NODE_ENV and its near
 * misses, `view cache`, the query parser, an open inspector, and `trust proxy` against a received X-Forwarded-For. `x-powered-by` is
 * turned off in every environment. A NODE_ENV that is not set causes one warning under a process manager, in a
 * container, or where stdout is no terminal. NODE_ENV is read at set-up, never per request. Nothing is logged where
 * NODE_ENV is `development` or `test`. The sources are "Set NODE_ENV to production"
 * (https://expressjs.com/en/advanced/best-practice-performance.html) and "Express behind proxies".
 *
 * @throws ProductionizeError for a wrong option, and for a wrong NODE_ENV when `mode` is `throw`.
 * @example
 * app.use(productionGuard(app))
 */
export function productionGuard(app: Application, options?: ProductionGuardOptions): ProductionGuard {
  refuseRequest('productionGuard', app, 'app.use(productionGuard(app))');
  const { mode = 'warn' } = checkOptions('productionGuard', options, optionChecks);
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
  let started = false;
  const check = (): void => {
    if (mode === 'off') return;
    const environment = readEnvironment();
    checkNodeEnv(app, environment, found);
    hidePoweredBy(app, found);
    // a late dotenv may still set NODE_ENV, so at set-up only mode `throw` checks for an unset one
    if (environment.raw === undefined && (started || mode === 'throw')) checkUnset(found);
    if (environment.mode !== 'production') return;
    harden(app, found);
    checkDebug(process.env.DEBUG, found);
    checkInspector(found);
  };
  const recheck = (): void => {
    started = true;
    check();
  };
  check();

  const hops = new ForwardedHops(app);
  const watch = (req: IncomingMessage): void => {
    checkForwarded(req, found);
    const message = hops.examine(req);
    if (message !== undefined) found('ERR_PRODUCTIONIZE_TRUST_PROXY', message);
    watching = !hops.isDone;
  };
  let watching = mode !== 'off' && readEnvironment().mode === 'production';
  const middleware: RequestHandler = function productionGuardMiddleware(req, _res, next) {
    if (!started) recheck();
    if (watching) watch(req);
    next();
  };
  return Object.assign(middleware, { findings, recheck, forwardedHops: () => hops.fewest });
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

/** The setting of NODE_ENV in the configuration of each process manager. */
const settingOf: Record<ProcessManager, string> = {
  PM2: "PM2 started this process. Add `env: { NODE_ENV: 'production' }` to the app in ecosystem.config.js, or use `env_production` there with `pm2 start ecosystem.config.js --env production`",
  Kubernetes:
    'This process runs in Kubernetes. Add to the container: `env: [{ name: NODE_ENV, value: production }]`',
  ECS: 'This process runs in ECS. Add to the container definition: `"environment": [{ "name": "NODE_ENV", "value": "production" }]`',
  systemd: 'systemd started this process. Add to [Service]: `Environment=NODE_ENV=production`',
  'a container': 'This process runs in a container. Add to the Dockerfile: `ENV NODE_ENV=production`',
};

/** Warns when NODE_ENV is not set and the process does not look like one that a developer started in a terminal. */
function checkUnset(found: Found): void {
  const onTerminal = isatty(1);
  const manager = findProcessManager();
  // desktop environments start terminals as systemd units, and the shells inherit INVOCATION_ID
  if (onTerminal && (manager === undefined || manager === 'systemd')) return;
  const setting =
    manager === undefined
      ? 'stdout is not a terminal. In production, start the app with `NODE_ENV=production node app.js`'
      : settingOf[manager];
  found(
    'ERR_PRODUCTIONIZE_NODE_ENV',
    `NODE_ENV is not set, so Express and its packages run in development mode. ${setting}. During development, set NODE_ENV=development.`,
  );
}

function hidePoweredBy(app: Application, found: Found): void {
  if (!app.enabled('x-powered-by')) return;
  app.disable('x-powered-by');
  found('fixed', 'x-powered-by was on: every response named Express as the framework. Turned off.');
}

function harden(app: Application, found: Found): void {
  if (!app.enabled('view cache')) {
    app.enable('view cache');
    found('fixed', 'view cache was off: templates were read and compiled for each response. Turned on.');
  }
  if (app.get('query parser') === 'extended') {
    found('note', "the query parser is 'extended': ?a[b]=c makes objects where code expects strings.");
  }
  if (app.get('trust proxy') === true) {
    found(
      'note',
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

function checkForwarded({ headers }: IncomingMessage, found: Found): void {
  if (headers.forwarded === undefined || headers['x-forwarded-for'] !== undefined) return;
  found(
    'ERR_PRODUCTIONIZE_FORWARDED',
    'A request arrived with a Forwarded header, which Express does not read. Have the proxy send X-Forwarded-For and X-Forwarded-Proto.',
  );
}

/** Checks for a debugger that `--inspect` has opened. Without that option, the module of Node is not loaded. */
function checkInspector(found: Found): void {
  if (![process.env.NODE_OPTIONS, ...process.execArgv].some((text) => text?.includes('--inspect'))) return;
  const url = attempt(() => loadBuiltin('node:inspector').url());
  if (url === undefined) return;
  found(
    'ERR_PRODUCTIONIZE_INSPECTOR',
    `An inspector listens on ${new URL(url).host}: a client that reaches it runs any code in this process. Remove --inspect from the command and from NODE_OPTIONS.`,
  );
}
