import type { Server } from 'node:http';
import type { Application, ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Finding } from '../../middleware/production-guard/index.js';
import type { Environment } from '../../support/environment.js';
import type { Router } from '../../support/express-layers.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import type { Switch } from '../../support/options.js';
import type { FoundMiddleware } from '../express/found-middleware.js';
import type { Cache, Gate } from '../pipeline.js';
import type { ProductionizeOptions } from '../productionize-options.js';

/** What the parts of one app share while they are set up. */
export interface Assembly {
  readonly app: Application;
  readonly options: Partial<ProductionizeOptions>;
  readonly environment: Environment;
  readonly lifecycle: Lifecycle;
  /** What the guard found; a live view. */
  findings: readonly Finding[];
  /** The app's logger, once its part is set up. */
  logger: Logger | undefined;
}

/** A part that was set up. */
export interface Running {
  /** Answers a request before everything else, the log included; true when it did. */
  readonly first?: Gate;
  /** Runs before the routes, in the order of the parts. */
  readonly before?: RequestHandler;
  /** Answers from what it keeps, before the routes. */
  readonly cache?: Cache;
  /** Answers what no route and no error handler of the app did. */
  readonly after?: { readonly notFound: RequestHandler; readonly onError: ErrorRequestHandler };
  /** Called when the routes stand: at the first request, or when the server listens. May return more for the report. */
  boot?(router: Router): string | undefined;
  /** Called for each server the app is seen on. */
  onServer?(server: Server): void;
  /** More for the report. */
  readonly detail?: string;
  /** Leaves no trace. */
  undo?(): void;
}

/** How one part takes its place in an app. */
export interface Part {
  readonly name: keyof ProductionizeOptions;
  /** Why it is there; the report says it. */
  readonly reason: string;
  /** Why the environment switches it off, unless options say otherwise. */
  offBecause?(assembly: Assembly): string | undefined;
  /** Why it stands aside for what the app brings itself. */
  keeps?(found: FoundMiddleware): string | undefined;
  setUp(assembly: Assembly): Running;
}

/** The options of a part, where it was not just switched. */
export function given<Options extends object>(option: Switch<Options> | undefined): Options | undefined {
  return typeof option === 'object' ? option : undefined;
}
