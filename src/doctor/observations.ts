import type { Finding as DeploymentFinding } from '../deploy/check/finding.js';
import type { SyncIoFinding } from '../middleware/sync-io/sync-report.js';
import type { Measured } from './measured.js';

/** A handler of a route, or a middleware, in the order in which Express calls them. */
export interface LayerObservation {
  readonly kind: 'middleware' | 'error handler' | 'handler' | 'router';
  readonly name: string;
  /** The path with those of its routers; `undefined` where it is a pattern. */
  readonly path: string | undefined;
  /** The method of a route in capital letters; `undefined` for a middleware. */
  readonly method: string | undefined;
  /** Whether the function is declared `async`. */
  readonly isAsync: boolean;
  /** The number of declared parameters. */
  readonly parameters: number;
}

export interface SessionObservation {
  readonly kind: 'express-session' | 'cookie-session';
  readonly cookie: string;
  /** Whether sessions are in the memory of one process. */
  readonly inMemory: boolean;
  /** The option `secure` of the cookie. */
  readonly secure: boolean | 'auto';
}

/** What the app shows from inside, after it has started. */
export interface AppObservation {
  readonly express: 4 | 5;
  readonly productionized: boolean;
  readonly settings: {
    readonly poweredBy: boolean;
    readonly viewCache: boolean;
    readonly viewEngine: boolean;
    readonly trustProxy: 'all' | 'off' | 'some';
  };
  readonly layers: readonly LayerObservation[];
  readonly errorHandlersWithWrongLength: readonly string[];
  readonly sessions: readonly SessionObservation[];
  /** The largest limit of a body parser in bytes; `null` where none is known. */
  readonly bodyLimitBytes: number | null;
  /** Paths of the health checks of this package. */
  readonly readinessPath: string | null;
  /** Milliseconds after which `deadline` responds; absent where it does not. */
  readonly responseTimeoutMs?: number;
  /** Milliseconds in which a shutdown of this package ends; absent where it is not known. */
  readonly shutdownMs?: number;
}

export interface ProcessObservation {
  readonly nodeVersion: string;
  readonly nodeEnv: string | null;
  readonly usesDomain: boolean;
  readonly inspectorOpen: boolean;
  readonly keepAliveTimeoutMs: number;
  /** Development tools that are loaded, such as ts-node. */
  readonly developmentTools: readonly string[];
}

/** A request from outside and its response. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  /** Why it was sent: a route of the app, a usual path of health checks, a path without a route, or an invalid URL. */
  readonly kind: 'route' | 'health' | 'missing' | 'malformed';
  /** `null` where no response arrived in time, or the connection was closed. */
  readonly response: ResponseObservation | null;
  readonly failure: 'no response' | 'connection closed' | null;
}

export interface ResponseObservation {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The bytes of the body as they were sent. */
  readonly bytes: number;
  /** The first characters of the body, decoded. */
  readonly text: string;
  /** Whether the decoded body is compressed itself. */
  readonly compressedTwice: boolean;
}

/** How the app ends after SIGTERM, while one request is half sent. */
export interface ShutdownObservation {
  readonly code: number | null;
  readonly signal: string | null;
  /** Whether the request got its response. */
  readonly responded: boolean;
  /** Whether the process ended by itself in time. */
  readonly ended: boolean;
}

/** What the project around the script contains. */
export interface ProjectObservation {
  readonly directory: string;
  readonly startScript: string | null;
}

/** Everything that checks can see. A part that could not be observed is `null`. */
export interface Observations {
  readonly app: AppObservation | null;
  readonly process: ProcessObservation | null;
  readonly exchanges: readonly Exchange[];
  readonly syncCalls: readonly SyncIoFinding[];
  readonly shutdown: ShutdownObservation | null;
  /** Whether the process continues after an exception that nothing catches. */
  readonly continuesAfterException: boolean | null;
  readonly project: ProjectObservation | null;
  /** Where files around the app, such as that of nginx, disagree with it. */
  readonly filesAround: readonly DeploymentFinding[];
  /** What was timed; absent where nothing was. */
  readonly measured?: Measured;
  /** The date of the audit, such as 2026-11-29. */
  readonly today: string;
}
