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
  /** Whether the function is declared `async` and does not catch all of its errors. */
  readonly mayReject: boolean;
  /** The number of declared parameters. */
  readonly parameters: number;
  /** The package of a well-known middleware, such as `compression`. */
  readonly package: string | undefined;
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
  /** The number of body parsers without a limit. */
  readonly unlimitedParsers: number;
  /** The number of rate limiters whose counts are in the memory of one process. */
  readonly localRateLimits: number;
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
  readonly headersTimeoutMs: number | null;
  readonly requestTimeoutMs: number | null;
  /** Development tools that are loaded, such as ts-node. */
  readonly developmentTools: readonly string[];
  /** Packages that files of the project require or import, each with such a file. */
  readonly requiredPackages: Readonly<Record<string, string>>;
}

/** A request from outside and its response. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  /** Why it was sent: a route of the app, a static file, a usual path of health checks, a path without a route, or an invalid URL. */
  readonly kind: 'route' | 'static' | 'health' | 'missing' | 'malformed';
  /** Whether a second response was the same, where none of its headers allows a client to store or revalidate it. */
  readonly repeated?: boolean;
  /** `null` where no response arrived in time, or the connection was closed. */
  readonly response: ResponseObservation | null;
  readonly failure: 'no response' | 'connection closed' | null;
}

export interface ResponseObservation {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The bytes of the body as they were sent. */
  readonly bytes: number;
  /** What of the body was awaited still at the limits of time and size; `null` where it or its connection had ended. */
  readonly awaited: 'all' | 'more' | null;
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

/** A line of a file of the project. */
export interface ProjectLine {
  readonly text: string;
  readonly file: string;
  readonly line?: number;
}

/** What the project around the script contains. */
export interface ProjectObservation {
  readonly directory: string;
  readonly startScript: string | null;
  /** The line `web:` of the Procfile. */
  readonly procfile: ProjectLine | null;
  /** Whether it is a package that npm has installed, without the files of its development. */
  readonly isInstalled: boolean;
  readonly lints: boolean;
  /** Packages that an installation for production leaves out. */
  readonly devDependencies: readonly string[];
  /** Where the project states that several processes of the app run. */
  readonly severalProcesses: readonly ProjectLine[];
}

/** What happens to a stream that a route pipes into its response. */
export interface StreamObservation {
  readonly path: string;
  /** Files that each aborted request left open. */
  readonly leakedFiles: readonly string[];
  /** What follows when the stream fails. */
  readonly failure: 'response ended' | 'no end' | 'process ended';
}

/** A log line of a request in which OpenTelemetry had a current span. */
export interface TracedLine {
  readonly text: string;
  readonly hasTraceId: boolean;
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
  readonly streams: readonly StreamObservation[];
  readonly tracedLines: readonly TracedLine[];
  readonly project: ProjectObservation | null;
  /** Where files around the app, such as that of nginx, disagree with it. */
  readonly filesAround: readonly DeploymentFinding[];
  /** What was timed; absent where nothing was. */
  readonly measured?: Measured;
  /** The date of the audit, such as 2026-11-29. */
  readonly today: string;
}
