import type { Server } from 'node:http';
import type { Application, ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Finding } from '../../middleware/production-guard/index.js';
import type { ContextSettings } from '../../support/context/context.js';
import type { Environment } from '../../support/environment.js';
import type { Router } from '../../support/express-layers.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import type { Switch } from '../../support/options.js';
import type { FoundMiddleware } from '../express/found-middleware.js';
import type { Cache, Gate } from '../pipeline.js';
import type { ProductionizeOptions } from '../productionize-options.js';
import type { Facts } from '../report.js';

/** What the parts of one app share while they are set up. */
export interface Assembly {
  readonly app: Application;
  readonly options: Partial<ProductionizeOptions>;
  readonly environment: Environment;
  readonly lifecycle: Lifecycle;
  /** The resolved options of the request context. */
  readonly context: ContextSettings;
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
  /** Responds from what it has stored, before the routes. */
  readonly cache?: Cache;
  /** Answers what no route and no error handler of the app did. */
  readonly after?: { readonly notFound: RequestHandler; readonly onError: ErrorRequestHandler };
  /**
   * Called when the routes stand: at the first request, or when the server listens. Its undo runs before the undo of
   * any part.
   */
  boot?(router: Router): Undo | undefined;
  /** Called for each server the app is seen on. */
  onServer?(server: Server): void;
  /** Whether `app.listen` is to make the faster server. */
  readonly fastServer?: boolean;
  /** What the report says beside the reason, asked each time. */
  facts?(): Facts;
  /** Leaves no trace. */
  undo?: Undo;
}

type Undo = () => void;

/** How one part takes its place in an app. */
export interface Part {
  readonly name: keyof ProductionizeOptions;
  /** Why it is there; the report says it. */
  readonly reason: string;
  /** Why the environment switches it off, unless options say otherwise. */
  offBecause?(assembly: Assembly): string | undefined;
  /** The name of what the app brings itself, which is left in place while this part does nothing. */
  finds?(found: FoundMiddleware): string | undefined;
  /** Whether both can run; they do where options were given by name. */
  readonly runsBesideFound?: boolean;
  setUp(assembly: Assembly): Running;
}

/** The options of a part, where it was not just switched. */
export function given<Options extends object>(option: Switch<Options> | undefined): Options | undefined {
  return typeof option === 'object' ? option : undefined;
}
