import type { Server } from 'node:http';
import { attachShared, once, undoAll } from '../../support/attachment.js';
import { currentContext, type InternalRequestContext } from '../../support/context/context.js';
import type { RequestContext } from '../../support/context/request-context.js';
import { debugFor } from '../../support/debug.js';
import { setErrorHeaders } from '../../support/error-response/error-response.js';
import { quote } from '../../support/errors.js';
import { fatalHooks } from '../../support/fatal-hooks.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import { logLine } from '../../support/logger-adapter.js';
import { checkOptions, isFunction, isMilliseconds } from '../../support/options.js';
import { isPartLogger, type PartLogger } from '../../support/part-logger.js';
import { processWide } from '../../support/process-wide.js';
import { serializeError } from '../../support/serialize-error.js';
import { trackServer } from '../../support/server-lifecycle.js';
import { fatalErrorsKey } from '../../support/symbols.js';
import { withoutQuery } from '../../support/url-path.js';
import { WeakList } from '../../support/weak-list.js';
import { endProcess } from '../shutdown/ending.js';
import { developmentMs, isDevelopment } from '../shutdown/shutdown-settings.js';
import { continuesAfterRejections, type RejectionMode, rejectionMode } from './rejection-mode.js';

const debug = debugFor('fatal-errors');

/** Options of {@link fatalErrors}. */
export interface FatalErrorsOptions {
  /**
   * Milliseconds in which the other requests can finish before the process exits; 0 exits immediately.
   * @default 10000; 500 in development, as for `gracefulShutdown`
   */
  readonly drainMs?: number;
  /**
   * Milliseconds after the error in which other listeners for `uncaughtException`, such as those of Sentry, send their
   * reports. The process exits earlier when its event loop is empty, and does not wait without such a listener.
   * @default 2000
   */
  readonly reportMs?: number;
  /**
   * Receives two lines for a fatal error: one with the level `error` when it happens, one with `fatal` just before the
   * exit. A rejection that a listener of the app handles results in one line, with the level `error`. All have `err`, its
   * `origin`, the request that caused it (`reqId`, `method`, `route`) and the number of other requests `inFlight`.
   * @default one line each on stderr; inside `productionize` the app's logger
   */
  readonly logger?: PartLogger;
  /**
   * Responds to the request that caused the error; its headers are not sent yet.
   * @default status 500 with an empty body
   */
  readonly respond?: (context: RequestContext, error: unknown) => void;
}

/** The fields of the log lines. */
interface FatalEvent {
  readonly error: unknown;
  /** The event that Node emitted for the error. */
  readonly origin: 'uncaughtException' | 'unhandledRejection';
  /** The request that caused it. */
  readonly context: RequestContext | undefined;
  /** Other requests in flight. */
  readonly inFlight: number;
}

type Settings = Required<Omit<FatalErrorsOptions, 'logger'>> & Pick<FatalErrorsOptions, 'logger'>;
type Guarded = Settings & { readonly lifecycle: Lifecycle };

interface Watch {
  readonly guarded: WeakList<Guarded>;
  /** The process listeners of this library. */
  readonly own: WeakSet<object>;
  /** The error whose line was logged in this turn of the event loop. */
  logged: { readonly error: unknown } | undefined;
  isExiting: boolean;
}

/** All apps and copies of the package share one pair of process listeners. */
const watch = processWide<Watch>(fatalErrorsKey, () => ({
  guarded: new WeakList(),
  own: new WeakSet(),
  logged: undefined,
  isExiting: false,
}));

/**
 * Ends the process after an uncaught exception or an unhandled rejection. The request that caused it gets a 500. The
 * others have up to `drainMs` to finish, and every response closes its connection. The process then exits with code 1,
 * because its state is unknown (https://nodejs.org/api/process.html#warning-using-uncaughtexception-correctly). Where
 * the app listens for `unhandledRejection`, its listener handles rejections, as in Node. Where the option
 * `--unhandled-rejections` of Node is `warn`, `none` or `warn-with-error-code`, they are logged only. Returns its undo.
 *
 * @throws ProductionizeError when an option is invalid.
 * @example
 * fatalErrors(app.listen(3000))
 */
export function fatalErrors(server: Server, options?: FatalErrorsOptions): () => void {
  const { lifecycle, release: untrack } = trackServer(server);
  const release = guardLifecycle(lifecycle, options);
  return undoAll([untrack, release]);
}

export const optionChecks = {
  drainMs: isMilliseconds(),
  reportMs: isMilliseconds(),
  logger: isPartLogger,
  respond: isFunction,
};

export function resolveFatalErrors(options?: FatalErrorsOptions): Settings {
  return {
    drainMs: isDevelopment() ? developmentMs : 10_000,
    reportMs: 2000,
    respond: respondEmpty,
    ...checkOptions('fatalErrors', options, optionChecks),
  };
}

/** The same for an app that tracks its own requests. Returns its undo. */
export function guardLifecycle(lifecycle: Lifecycle, options?: FatalErrorsOptions): () => void {
  const guarded: Guarded = { lifecycle, ...resolveFatalErrors(options) };
  return watch.guarded.add(lifecycle, guarded, attachShared(watch, 'listeners', listen));
}

function listen(): () => void {
  const onException = (error: unknown, origin: FatalEvent['origin']): void =>
    handleFatal(error, origin, process.listenerCount('uncaughtException') > 1);
  const mode = rejectionMode();
  const onRejection = (reason: unknown): void => {
    // Node has passed it to the listeners for `uncaughtException`
    if (mode === 'strict') return;
    if (otherListeners('unhandledRejection').length > 0) {
      attempt(() => reportHandled(reason, leftToApp));
      return;
    }
    if (continuesAfterRejections(mode)) {
      // Node sets it where no listener exists
      if (mode === 'warn-with-error-code') process.exitCode = 1;
      attempt(() => reportHandled(reason, leftByMode(mode)));
      return;
    }
    const others = process.rawListeners('uncaughtException').filter((listener) => listener !== onException);
    handleFatal(reason, 'unhandledRejection', others.length > 0);
    // without a listener for rejections, Node calls the listeners for `uncaughtException`
    for (const listener of others) listener.call(process, asError(reason), 'unhandledRejection');
  };
  watch.own.add(onException).add(onRejection);
  // These listeners run first. A `once` listener of the app is then still registered and counted, and an error is logged
  // before a listener of the app throws or ends the process.
  process.prependListener('uncaughtException', onException);
  process.prependListener('unhandledRejection', onRejection);
  return () => {
    process.off('uncaughtException', onException);
    process.off('unhandledRejection', onRejection);
  };
}

/**
 * The names of the app's own listeners. Those for `unhandledRejection` handle rejections instead of this library. Those
 * for `uncaughtException` are called after it, and the process waits for their reports.
 */
export function otherListeners(event: FatalEvent['origin']): string[] {
  // Node's types have one signature for each event
  const listeners = process.listeners(event as 'uncaughtException');
  return listeners.filter((listener) => !watch.own.has(listener)).map(({ name }) => name || 'anonymous');
}

/** Wraps a reason that is not an Error: Node passes only errors to listeners for `uncaughtException`. */
function asError(reason: unknown): unknown {
  return reason instanceof Error ? reason : new Error(`unhandled rejection: ${quote(reason)}`);
}

/** Logs a rejection after which the process continues. */
function reportHandled(error: unknown, stage: Stage): void {
  const context = currentContext();
  const owner = ownerOf([...watch.guarded], context);
  if (owner) reportOnce(owner.logger, { error, origin: 'unhandledRejection', context, inFlight: 0 }, stage);
}

/** The app of the request logs the error. Without a request, the first app logs it. */
function ownerOf(apps: readonly Guarded[], context: RequestContext | undefined): Guarded | undefined {
  return apps.find(({ lifecycle }) => context && lifecycle.inFlight.has(context.res)) ?? apps[0];
}

function handleFatal(error: unknown, origin: FatalEvent['origin'], hasOtherListeners: boolean): void {
  const context = currentContext();
  const apps = [...watch.guarded];
  const owner = ownerOf(apps, context);
  if (owner === undefined) {
    // the last app was collected, and these listeners are about to be removed
    if (hasOtherListeners) return;
    printFatal({ error, origin, context, inFlight: 0 }, false);
    process.exit(1);
  }
  const inFlight = apps.reduce((sum, { lifecycle }) => sum + lifecycle.inFlight.size, context ? -1 : 0);
  const event = { error, origin, context, inFlight: Math.max(0, inFlight) };
  attempt(() => reportOnce(owner.logger, event, draining));
  if (!watch.isExiting) {
    watch.isExiting = true;
    const reportMs = hasOtherListeners ? Math.max(...apps.map((app) => app.reportMs)) : 0;
    const reportExit = once(() => attempt(() => report(owner.logger, event, exiting)));
    // a crash reporter may end the process itself when its report is sent
    process.once('exit', reportExit);
    end(apps, error, origin, reportMs, reportExit);
  }
  if (context) attempt(() => settle(context, error, owner));
}

function settle(context: InternalRequestContext, error: unknown, { respond }: Guarded): void {
  const { res } = context;
  context.fail(error, true);
  if (res.writableEnded) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  res.setHeader('Connection', 'close');
  respond(context, error);
}

function end(apps: Guarded[], error: unknown, reason: string, reportMs: number, last: () => void): void {
  const timeoutMs = Math.max(...apps.map(({ drainMs }) => drainMs));
  if (timeoutMs > 0 || reportMs > 0) {
    for (const hook of fatalHooks) attempt(() => hook(error));
    endProcess({
      reason,
      code: 1,
      now: true,
      timeoutMs,
      lifecycles: apps.map(({ lifecycle }) => lifecycle),
      last,
      reportsUntil: performance.now() + reportMs,
    });
    return;
  }
  // one microtask later, the response of the failed request has been passed to the kernel
  void Promise.resolve().then(() => {
    last();
    process.exit(1);
  });
}

function respondEmpty({ res }: RequestContext): void {
  res.statusCode = 500;
  setErrorHeaders(res);
  res.end();
}

interface Stage {
  readonly level: 'error' | 'fatal';
  readonly message: string;
}

const draining: Stage = { level: 'error', message: 'uncaught error: draining' };
const exiting: Stage = { level: 'fatal', message: 'the process exits after an uncaught error' };
const leftToApp: Stage = {
  level: 'error',
  message: 'unhandled rejection: left to a listener of the app',
};
const leftByMode = (mode: RejectionMode): Stage => ({
  level: 'error',
  message: `unhandled rejection: the process continues, because of --unhandled-rejections=${mode}`,
});

/** Reports an error once if it arrives with both events. A listener for rejections may throw what it receives. */
function reportOnce(logger: PartLogger | undefined, event: FatalEvent, stage: Stage): void {
  const { error } = event;
  if (watch.logged && watch.logged.error === error) return;
  watch.logged = { error };
  setImmediate(() => {
    watch.logged = undefined;
  });
  report(logger, event, stage);
}

function report(logger: PartLogger | undefined, event: FatalEvent, stage: Stage): void {
  if (logger === undefined) {
    printFatal(event, stage === exiting);
    return;
  }
  const { error, origin, context, inFlight } = event;
  const { id, method, route } = context ?? {};
  const fields = { err: serializeError(error), origin, reqId: id, method, route, inFlight };
  logLine(logger, stage.level, fields, stage.message);
}

function printFatal({ error, origin, context }: FatalEvent, last: boolean): void {
  const where = context ? ` in ${context.method} ${context.route ?? withoutQuery(context.url)}` : '';
  const what = error instanceof Error ? (error.stack ?? String(error)) : quote(error);
  process.stderr.write(last ? `exit 1 after ${origin}${where}\n` : `${origin}${where}: ${what}\n`);
}

/** Runs an action. A hook or a getter of the error may throw in it, and the process must still exit. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    debug(() => ['handling a fatal error failed: %s', quote(error)]);
  }
}
