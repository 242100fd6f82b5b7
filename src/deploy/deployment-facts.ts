/** A directory of static files and the URL path under which the app serves it. */
export interface StaticDirectory {
  readonly path: string;
  /** Relative to the directory of the project, with `/` as separator. */
  readonly directory: string;
  /**
   * The names of middlewares of the app in front of it, in their order. A proxy that serves the files itself bypasses
   * them: checks of access, and headers of responses. Body parsers, loggers, sessions and compression do not count.
   */
  readonly behind: readonly string[];
}

/** The URL paths of the health checks. */
export interface HealthPaths {
  readonly liveness: string;
  readonly readiness: string;
  readonly startup: string;
}

/**
 * What files around an app depend on, as plain data: the settings of the app itself, read by running it, and what its
 * project directory contains. The same facts always result in the same files.
 */
export interface DeploymentFacts {
  /** The name of the package in lower-case letters, digits and `-`. */
  readonly name: string;
  /** The script that starts the app, relative to the directory of the project, with `/` as separator. */
  readonly script: string;
  /** The major version of Node that ran the app. */
  readonly nodeMajor: number;
  /** What installs the packages: the owner of the lock file; `npm` without one. */
  readonly packageManager: 'npm' | 'pnpm' | 'yarn';
  /** Whether there is a lock file, so that an install is reproducible. */
  readonly hasLockFile: boolean;
  /** Whether package.json has a `build` script. */
  readonly hasBuildScript: boolean;
  /** The port on which the app listens. */
  readonly port: number;
  /** Whether the app listens on the port in `PORT` when it is set. */
  readonly readsPort: boolean;
  /** `null` where the app has no health checks. */
  readonly health: HealthPaths | null;
  /** Milliseconds after which the app closes an idle connection. */
  readonly keepAliveTimeoutMs: number;
  /** Milliseconds for the headers of a request; 0 for no limit. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for a whole request; 0 for no limit. */
  readonly requestTimeoutMs: number;
  /** Milliseconds after which the `deadline` part responds with 503; `null` where there is no such limit. */
  readonly responseTimeoutMs: number | null;
  /** The largest body that a body parser of the app accepts, in bytes; `null` where there is no known limit. */
  readonly bodyLimitBytes: number | null;
  readonly staticDirectories: readonly StaticDirectory[];
  /**
   * The setting `trust proxy`: the number of trusted hops, 0 for `false`, `all` for `true`, and `custom` for addresses or
   * a function.
   */
  readonly trustProxy: number | 'all' | 'custom';
  /** Whether the app compresses responses. */
  readonly compression: boolean;
  /** Whether the app has a response cache. */
  readonly cache: boolean;
  /** The cookies of sessions, such as `connect.sid`. */
  readonly sessionCookies: readonly string[];
  /** URL paths that accept WebSocket connections; `/` for any path. */
  readonly webSocketPaths: readonly string[];
  /** URL paths of event streams (`text/event-stream`). */
  readonly eventStreamPaths: readonly string[];
  /** The number of worker processes; `max` for the available CPUs. */
  readonly workers: number | 'max';
  /** The memory that the app may use, in bytes; `null` where it is not known. */
  readonly memoryBytes: number | null;
  /** Milliseconds from SIGTERM to the end of the process at the latest. */
  readonly shutdownMs: number;
  /** Milliseconds of that in which the readiness check fails and new connections are still accepted. */
  readonly shutdownDelayMs: number;
  /** Milliseconds until the app is ready at the latest. */
  readonly startupMs: number;
}
