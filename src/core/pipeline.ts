import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import http from 'node:http';
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

/** Decides about a request before any other part. Returns true when it responds. */
export type Gate = (req: IncomingMessage, res: ServerResponse) => boolean;

/** Responds to a request, or passes it to `proceed` with the `callback` it received. */
export type Cache = (
  req: IncomingMessage,
  res: ServerResponse,
  proceed: (req: IncomingMessage, res: ServerResponse, callback: unknown) => void,
  callback: unknown,
) => void;

/** The parts that run before and after an app's own routes. */
export interface Pipeline {
  readonly context: ContextSettings;
  readonly lifecycle: Lifecycle;
  /** Called in order before a request has a context or a log line. The calls end with the first gate that responds. */
  first: readonly Gate[];
  /** Called in order before the routes. Each calls `next` immediately and does not respond itself. */
  observers: readonly RequestHandler[];
  /** Runs after the observers and before the routes. It responds to a request itself or passes it on. */
  cache: Cache | undefined;
  /** Responds when no route and no error handler of the app did. Without it, Express's own final handler responds. */
  readonly after: { readonly notFound: RequestHandler; readonly onError: ErrorRequestHandler } | undefined;
  /** Whether `app.listen` creates its server with `createServer`; otherwise Express's own `listen` runs. */
  readonly fastServer: boolean;
  /** Called once, as late as possible: at the first request, or when a server listens. */
  boot(): void;
  /** Called once for each server that is found to serve the app. */
  onServer(server: Server): void;
  /** Called when the last of these servers has closed, unless the process is being shut down. */
  onServersClosed(): void;
}

const passOn: Next = () => {};
const ignore = (): void => {};

/**
 * Replaces `handle` and `listen` on one app object, so that the pipeline runs around all routes, wherever they were
 * added. Returns its undo, and `adopt`, which registers a server before its first request.
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
      if (lifecycle.servers.size > 0) return;
      liveApps.delete(lifecycle);
      if (!isEnding()) pipeline.onServersClosed();
    });
    server.once('listening', boot);
    pipeline.onServer(server);
  };

  const onClose = function onClose(this: ServerResponse): void {
    lifecycle.inFlight.delete(this);
    const context = contextOf(this.req);
    context?.onClose?.(context);
    context?.measure?.(context);
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
    // the app is mounted in a productionized app, whose pipeline is already running and must run only once
    if (known?.productionized) {
      // a request that a handler forwards inside the app has no callback; a mounted app always has one
      route(req, res, callback);
      return;
    }
    boot();
    // a socket that no server accepted has null here
    const server = (req.socket as { server?: Server | null } | undefined)?.server ?? undefined;
    if (server !== undefined && server !== lastServer) adopt(server);
    for (const gate of pipeline.first) if (gate(req, res)) return;
    const context = known ?? startContext(req, res, pipeline.context, app);
    context.productionized = true;
    // an upgraded request has no response to wait for: express-ws passes a response that never closes
    if (!(req as { upgrade?: boolean }).upgrade) {
      trackResponse(lifecycle, res, onClose);
      context.onClose = ignore;
    }
    runInContext(context, dispatch, req, res, callback);
  };

  const listen: Listen = function listen(...args) {
    const { fastServer } = pipeline;
    // a process that is shutting down opens no port
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
 * Replaces `http.createServer` while `listen` runs, so that Express's call `http.createServer(app)` creates our server.
 * A `listen` that creates its server in another way, such as that of express-ws, is not changed. Express's own `listen`
 * cannot be recognized by name or source text, since a minifier changes both.
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
