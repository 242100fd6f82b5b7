import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Application, ErrorRequestHandler, RequestHandler } from 'express';
import { isEnding } from '../process/shutdown/ending.js';
import { listenArguments } from '../process/systemd/inherited-sockets.js';
import { once } from '../support/attachment.js';
import { type ContextSettings, contextOf, runInContext, startContext } from '../support/context/context.js';
import { type Lifecycle, trackResponse } from '../support/lifecycle.js';
import { liveApps } from '../support/live-apps.js';
import { replaceMethod } from '../support/replace-method.js';
import { attachLifecycle } from '../support/server-lifecycle.js';
import { createServer } from './server.js';

type Next = (error?: unknown) => void;
type Handle = (this: unknown, req: IncomingMessage, res: ServerResponse, callback?: Next) => void;
type Listen = (this: unknown, ...args: unknown[]) => Server;

/** Decides about a request before anything else sees it; true when it answered. */
export type Gate = (req: IncomingMessage, res: ServerResponse) => boolean;

/** Answers a request, or hands it to `proceed`, with what it was given for that. */
export type Cache = (
  req: IncomingMessage,
  res: ServerResponse,
  proceed: (req: IncomingMessage, res: ServerResponse, callback: unknown) => void,
  callback: unknown,
) => void;

/** What runs around an app's own routes. */
export interface Pipeline {
  readonly context: ContextSettings;
  readonly lifecycle: Lifecycle;
  /** Asked in order before a request has a context or a log; the first that answers ends it. */
  first: readonly Gate[];
  /** Run in order before the routes; each calls `next` at once and answers nothing itself. */
  observers: readonly RequestHandler[];
  /** Runs behind the observers, before the routes: answers a request itself, or passes it on. */
  cache: Cache | undefined;
  /** Answers what no route and no error handler of the app did; without it Express's own answer stands. */
  readonly after: { readonly notFound: RequestHandler; readonly onError: ErrorRequestHandler } | undefined;
  /** Whether `app.listen` makes its server by `createServer`; else Express's own `listen` runs. */
  readonly fastServer: boolean;
  /** Called once, as late as possible: at the first request, or when a server listens. */
  boot(): void;
  /** Called for each server the app is seen on. */
  onServer(server: Server): void;
}

const passOn: Next = () => {};
const ignore = (): void => {};

/**
 * Replaces `handle` and `listen` on one app object, so that the pipeline stands around all routes wherever they were
 * added. Returns its undo, and how a server is made known before its first request.
 */
export function attachPipeline(
  app: Application,
  pipeline: Pipeline,
): { detach(): void; adopt(server: Server): void } {
  const target = app as unknown as { handle: Handle; listen: Listen };
  const { handle: expressHandle, listen: expressListen } = target;
  const { lifecycle } = pipeline;
  let lastServer: Server | undefined;

  const boot = once(() => pipeline.boot());

  const adopt = (server: Server): void => {
    lastServer = server;
    if (lifecycle.servers.has(server)) return;
    lifecycle.servers.add(server);
    attachLifecycle(server, lifecycle);
    liveApps.add(lifecycle);
    server.once('close', () => {
      lifecycle.servers.delete(server);
      if (lifecycle.servers.size === 0) liveApps.delete(lifecycle);
    });
    server.once('listening', boot);
    pipeline.onServer(server);
  };

  const onClose = function onClose(this: ServerResponse): void {
    lifecycle.inFlight.delete(this);
    const context = contextOf(this.req);
    context?.onClose?.(context);
  };

  const dispatch = (req: IncomingMessage, res: ServerResponse, callback?: Next): void => {
    for (const observer of pipeline.observers) observer(req as never, res as never, passOn);
    if (pipeline.cache) pipeline.cache(req, res, route, callback);
    else route(req, res, callback);
  };

  const route = (req: IncomingMessage, res: ServerResponse, callback: unknown): void => {
    expressHandle.call(app, req, res, (callback as Next | undefined) ?? finish(pipeline, req, res));
  };

  const handle: Handle = function handle(req, res, callback) {
    const known = contextOf(req);
    // mounted in a productionized app: the parent's pipeline is running, and runs once
    if (known?.productionized) {
      expressHandle.call(app, req, res, callback);
      return;
    }
    boot();
    const server = (req.socket as { server?: Server } | undefined)?.server;
    if (server !== undefined && server !== lastServer) adopt(server);
    for (const gate of pipeline.first) if (gate(req, res)) return;
    const context = known ?? startContext(req, res, pipeline.context, app);
    context.productionized = true;
    // behind an upgrade there is no answer to wait for: express-ws passes a response that never closes
    if (!(req as { upgrade?: boolean }).upgrade) {
      trackResponse(lifecycle, res, onClose);
      context.onClose = ignore;
    }
    runInContext(context, dispatch, req, res, callback);
  };

  const listen: Listen = function listen(...args) {
    const { fastServer } = pipeline;
    // a process on its way out opens no port
    if (isEnding()) return fastServer ? createServer(app) : http.createServer(app as never);
    const listenThere = () => expressListen.apply(app, listenArguments(args));
    const server = fastServer ? withFastServer(app, listenThere) : listenThere();
    adopt(server);
    return server;
  };

  target.handle = handle;
  target.listen = listen;
  return {
    adopt,
    detach() {
      if (target.handle === handle) target.handle = expressHandle;
      if (target.listen === listen) target.listen = expressListen;
    },
  };
}

function finish({ after }: Pipeline, req: IncomingMessage, res: ServerResponse): Next | undefined {
  if (after === undefined) return undefined;
  return (error) => {
    if (error) after.onError(error, req as never, res as never, passOn);
    else after.notFound(req as never, res as never, passOn);
  };
}

/**
 * Express's `listen` calls `http.createServer(app)`: while it runs, that call creates our server. A `listen` that makes
 * its server in another way, as that of express-ws, is left as it is. A minifier leaves no name or text of a function by
 * which Express's own could be recognized.
 */
function withFastServer(app: Application, listen: () => Server): Server {
  const { createServer: nodeCreateServer } = http;
  const restore = replaceMethod(http, 'createServer', ((...args: unknown[]) =>
    args.length === 1 && args[0] === app
      ? createServer(app)
      : (nodeCreateServer as (...args: unknown[]) => Server)(...args)) as typeof nodeCreateServer);
  try {
    return listen();
  } finally {
    restore();
  }
}
