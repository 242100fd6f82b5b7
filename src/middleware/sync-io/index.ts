import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { type BlockedLoop, watchBlockedLoop } from '../../support/blocked-loop.js';
import { defaultContextSettings, enterContext } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import { readEnvironment } from '../../support/environment.js';
import { checkOptions, isBoolean, isEither, isFunction, isInteger, isOneOf } from '../../support/options.js';
import { observeSyncCalls, type SyncIoGroup, syncIoGroups } from './sync-builtins.js';
import { callChecks } from './sync-io-options.js';
import { coverage, reportByWarnings, reportTo } from './sync-io-reporter.js';
import { type SyncIoFinding, SyncReport } from './sync-report.js';

/** Options of {@link detectSyncIo}. */
export interface SyncIoOptions {
  /**
   * The groups of functions that are watched. `require` is the loading of a file, also by `import()` from Node 22.15
   * on. `console` is watched only if stdout or stderr blocks, as a file or a terminal does.
   * @default ['fs', 'child_process', 'crypto', 'zlib', 'require', 'console']
   */
  readonly apis?: readonly SyncIoGroup[];
  /**
   * Shorter calls, in milliseconds, are not counted. Hashing, signing and random bytes have no usual asynchronous form,
   * and are counted from 10 ms on in any case.
   * @default 0
   */
  readonly minMs?: number;
  /**
   * Called once for each new finding. If it returns `true`, the finding is never reported.
   * @default nothing is ignored
   */
  readonly ignore?: (finding: SyncIoFinding) => boolean;
  /**
   * Whether the detector is enabled. Otherwise no function is replaced and no context is created.
   * @default true outside production, false when NODE_ENV is production
   */
  readonly enabled?: boolean;
  /**
   * Receives each new finding once, soon after its first call. It replaces the warnings.
   * @default a process warning for each call site, and summaries with counts
   */
  readonly onFinding?: (finding: SyncIoFinding) => void;
  /**
   * Milliseconds, 10 or more, after which a blocked event loop is reported with the request and the stack; 0 turns the
   * reports off. It requires a worker thread, which pauses the main thread for a moment.
   * @default 0
   */
  readonly blockedLoopMs?: number;
}

/** The middleware of {@link detectSyncIo}, with its findings. */
export interface SyncIoDetector extends RequestHandler {
  /** A sentence to print at the start: what is watched, and which calls are not detected. */
  readonly startLine: string;
  /** The findings so far, in the order of their total time. */
  findings(): SyncIoFinding[];
  /** The last reports of a blocked event loop, oldest first. They were also written to stderr at that time. */
  blockedLoops(): BlockedLoop[];
  /** Stops the detector. The last detector of the process restores the original functions. */
  uninstall(): void;
}

const debug = debugFor('sync-io');

const maxBlocks = 100;

export const optionChecks = {
  ...callChecks,
  enabled: isBoolean,
  onFinding: isFunction,
  blockedLoopMs: isEither(isOneOf(0), isInteger('milliseconds', 10)),
};

/**
 * Middleware that reports synchronous calls in requests: the function, the line, the route, the count and the time. It
 * works as Node's `--trace-sync-io`, but only during requests. It detects calls that the flag does not:
 * `readFileSync(path, 'utf8')`, `existsSync`, a `require` that loads a file, console output that blocks, and slow
 * hashing. `JSON.parse` is not watched, but `blockedLoopMs` reports it when it blocks for long.
 *
 * While it is installed, the functions are replaced in the whole process, for ES modules, too. A function that a module
 * has imported before (`const { readFileSync } = require('fs')`) is detected only with the preload: `node --import
 * express-productionize/sync-io app.js`, or `--require` for CommonJS. In production the detector does nothing unless
 * `enabled` is true.
 *
 * @throws ProductionizeError when an option is wrong.
 * @see https://expressjs.com/en/advanced/best-practice-performance.html#dont-use-synchronous-functions
 * @example
 * app.use(detectSyncIo())
 */
export function detectSyncIo(options?: SyncIoOptions): SyncIoDetector {
  const {
    enabled = readEnvironment().mode !== 'production',
    apis = syncIoGroups,
    minMs = 0,
    ignore,
    onFinding,
    blockedLoopMs = 0,
  } = checkOptions('detectSyncIo', options, optionChecks);
  if (!enabled) return disabledDetector();

  const settings = defaultContextSettings;
  const watched = new WeakSet<IncomingMessage>();
  const findings = (): SyncIoFinding[] => report.findings();
  const reporter = onFinding ? reportTo(onFinding) : reportByWarnings(findings);
  const report = new SyncReport({ minMs, ignore, onCount: reporter.count });
  const stopObserving = observeSyncCalls(detectSyncIoMiddleware, apis, (api, ms, context, ...where) => {
    if (watched.has(context.req)) report.record(api, ms, context, ...where);
  });

  const blocks: BlockedLoop[] = [];
  const loop = blockedLoopMs > 0 ? watchBlockedLoop(blockedLoopMs, record) : undefined;
  function record(block: BlockedLoop): void {
    blocks.push(block);
    if (blocks.length > maxBlocks) blocks.shift();
  }

  const startLine = describeStart(apis, blockedLoopMs, loop?.offBecause);
  debug(() => [startLine]);

  function detectSyncIoMiddleware(req: Request, res: Response, next: NextFunction): void {
    watched.add(req);
    enterContext(req, res, settings, next);
  }
  return Object.assign(detectSyncIoMiddleware, {
    startLine,
    findings,
    blockedLoops: () => [...blocks],
    uninstall() {
      stopObserving();
      loop?.stop();
      reporter.stop();
    },
  });
}

/** Creates the middleware of a disabled detector, which does nothing. */
function disabledDetector(): SyncIoDetector {
  const startLine = 'Synchronous calls are not watched: NODE_ENV is production, or `enabled` is false.';
  debug(() => [startLine]);
  function detectSyncIoMiddleware(_req: Request, _res: Response, next: NextFunction): void {
    next();
  }
  return Object.assign(detectSyncIoMiddleware, {
    startLine,
    findings: () => [],
    blockedLoops: () => [],
    uninstall() {},
  });
}

function describeStart(
  apis: readonly SyncIoGroup[],
  blockedLoopMs: number,
  offBecause: string | undefined,
): string {
  const calls = `Watching synchronous calls in requests (${apis.join(', ') || 'none'}): ${coverage()}`;
  if (blockedLoopMs === 0) return calls;
  return offBecause === undefined
    ? `${calls} An event loop that is blocked for ${blockedLoopMs} ms is reported.`
    : `${calls} A blocked event loop is not watched: ${offBecause}.`;
}
