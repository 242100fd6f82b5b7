import type { IncomingMessage, Server } from 'node:http';
import type { Application, ErrorRequestHandler, RequestHandler } from 'express';
import type { Finding } from '../../middleware/production-guard/index.js';
import type { ContextSettings } from '../../support/context/context.js';
import type { Environment } from '../../support/environment.js';
import { warnOnce } from '../../support/errors.js';
import type { Router } from '../../support/express-layers.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import type { LoggerAdapter } from '../../support/logger-adapter.js';
import type { FoundMiddleware } from '../express/found-middleware.js';
import type { Cache, Gate } from '../pipeline.js';
import type { ProductionizeOptions } from '../productionize-options.js';
import type { Facts } from '../report.js';

/** The state that the parts of one app share while they are set up. */
export interface Assembly {
  readonly app: Application;
  readonly options: Partial<ProductionizeOptions>;
  readonly environment: Environment;
  readonly lifecycle: Lifecycle;
  /** The resolved options of the request context. */
  readonly context: ContextSettings;
  /** The findings of the production guard; the list grows while the app runs. */
  findings: readonly Finding[];
  /** The app's logger, once its part is set up. */
  logger: LoggerAdapter | undefined;
  /** Counts a request that is refused before it is measured; set by the metrics part. */
  onRefused: ((req: IncomingMessage, status: number) => void) | undefined;
}

/** A part that was set up. */
export interface Running {
  /** Responds to a request before all other parts, the log included. Returns true when it responds. */
  readonly first?: Gate;
  /** Runs before the routes, in the order of the parts. */
  readonly before?: RequestHandler;
  /** Runs as one of the first layers of the app's router, in the order of the parts, as if the app had added it first. */
  readonly layer?: RequestHandler;
  /** Responds with stored responses, before the routes. */
  readonly cache?: Cache;
  /** Responds when no route and no error handler of the app did. */
  readonly after?: { readonly notFound: RequestHandler; readonly onError: ErrorRequestHandler };
  /**
   * Called when the routes are complete: at the first request, or when the server listens. Its undo runs before the
   * undo of any part.
   */
  boot?(router: Router): Undo | undefined;
  /** Called once for each server that is found to serve the app. */
  onServer?(server: Server): void;
  /** Called when the last of these servers has closed, unless the process is being shut down. */
  onServersClosed?(): void;
  /** Whether `app.listen` creates the faster server. */
  readonly fastServer?: boolean;
  /** The reason for the report where that of the part does not apply. */
  readonly reason?: string;
  /** Names what the app has brought for the same task meanwhile, to which a part that runs leaves it. */
  found?(): string | undefined;
  /** Returns the facts for the report, in addition to the reason. Called each time a report is made. */
  facts?(): Facts;
  /** Removes everything that the part has attached. */
  undo?: Undo;
}

type Undo = () => void;

/** The definition of one part: its conditions and its set-up. */
export interface Part {
  readonly name: keyof ProductionizeOptions;
  /** The reason for the part; the report contains it. */
  readonly reason: string;
  /** The reason why the environment switches the part off, unless options state otherwise. */
  offBecause?(assembly: Assembly): string | undefined;
  /** The name of the app's own middleware for the same task. It is left in place, and this part does nothing. */
  finds?(found: FoundMiddleware): string | undefined;
  /** Whether the part can run beside that middleware. It does so when options were given by name. */
  readonly runsBesideFound?: boolean;
  setUp(assembly: Assembly): Running;
}

type AnyHandler = (...args: never[]) => unknown;

/** Returns the options of a part; `undefined` for one that was only switched on or off, or replaced by the app's own. */
export function given<Option>(option: Option): Exclude<Extract<Option, object>, AnyHandler> | undefined {
  return typeof option === 'object' ? (option as Exclude<Extract<Option, object>, AnyHandler>) : undefined;
}

/** A function of the app in the place of a part, as the report describes it. */
export function ownFunction({ name }: { readonly name: string }): string {
  return `the app's own function${name && ` ${name}`}`;
}

/** Warns that the options of a part have no effect, because the app brings its own middleware for the task. */
export function warnOfFound(part: string, theirs: string, options: readonly string[]): void {
  if (options.length === 0) return;
  warnOnce(
    'ERR_PRODUCTIONIZE_FOUND',
    `The app brings ${theirs} itself, which is left in place: the options of \`${part}\` (${options.join(', ')}) have no effect. Remove it from the app, or the options from productionize.`,
    part,
  );
}
