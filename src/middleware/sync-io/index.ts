import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { defaultContextSettings, enterContext } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import { readEnvironment } from '../../support/environment.js';
import { checkOptions, isBoolean, isEither, isFunction, isInteger, isOneOf } from '../../support/options.js';
import { type BlockedLoop, watchBlockedLoop } from './blocked-loop.js';
import { observeSyncCalls, type SyncIoGroup, syncIoGroups } from './sync-builtins.js';
import { callChecks } from './sync-io-options.js';
import { coverage, reportByWarnings, reportTo } from './sync-io-reporter.js';
import { type SyncIoFinding, SyncReport } from './sync-report.js';

/** Options of {@link detectSyncIo}. */
export interface SyncIoOptions {
  /**
   * Which functions are watched. `require` is the loading of a file, also by
   * `import()` from Node 22.15 on. `console` only counts where stdout or stderr
   * blocks: a file, or a terminal.
   * @default ['fs', 'child_process', 'crypto', 'zlib', 'require', 'console']
   */
  readonly apis?: readonly SyncIoGroup[];
  /**
   * Calls shorter than this are not counted, in milliseconds. Hashing, signing and random bytes, which have no
   * customary asynchronous form, count from 10 ms whatever is set here.
   * @default 0
   */
  readonly minMs?: number;
  /**
   * Called once for each new finding; `true` drops it for good.
   * @default nothing is ignored
   */
  readonly ignore?: (finding: SyncIoFinding) => boolean;
  /**
   * Whether to watch at all. Off means absent: no function is replaced, no context entered.
   * @default true outside production, false when NODE_ENV is production
   */
  readonly enabled?: boolean;
  /**
   * Receives each new finding once, soon after the first call, and replaces the warnings.
   * @default a process warning per call site, and a summary with counts
   */
  readonly onFinding?: (finding: SyncIoFinding) => void;
  /**
   * Reports what the event loop is blocked by, and for which request, once it has been blocked for this long, in
   * milliseconds, 10 or more; 0 is off. It takes a worker thread, which pauses the main thread for a moment.
   * @default 0
   */
  readonly blockedLoopMs?: number;
}

/** The middleware of {@link detectSyncIo}, and what it found. */
export interface SyncIoDetector extends RequestHandler {
  /** What is watched, what cannot be seen and why, in one sentence to print at the start. */
  readonly startLine: string;
  /** The findings so far, those that cost most first. */
  findings(): SyncIoFinding[];
  /** The last reports of a blocked event loop, oldest first; each was written to stderr while the loop was blocked. */
  blockedLoops(): BlockedLoop[];
  /** Stops watching; the last detector of the process puts the original functions back. */
  uninstall(): void;
}

const debug = debugFor('sync-io');

const maxBlocks = 100;

/**
 * Middleware that reports synchronous calls made while a request is served: which function, from which line, for
 * which route, how often and for how long. It is Node's `--trace-sync-io` for requests only, and sees what the flag
 * does not: `readFileSync(path, 'utf8')`, `existsSync`, a `require` that loads a file, console output that blocks,
 * slow hashing. `JSON.parse` is not watched; `blockedLoopMs` shows it when it blocks for long.
 *
 * While it is installed, the functions are replaced in the whole process, for ES modules too. A function that a
 * module has taken out of `fs` before (`const { readFileSync } = require('fs')`) is only seen with the preload:
 * `node --import express-productionize/sync-io app.js`, or `--require` for CommonJS. In production it is absent
 * unless `enabled` is true.
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
  } = checkOptions('detectSyncIo', options, {
    ...callChecks,
    enabled: isBoolean,
    onFinding: isFunction,
    blockedLoopMs: isEither(isOneOf(0), isInteger('milliseconds', 10)),
  });
  if (!enabled) return absentDetector();

  const settings = defaultContextSettings;
  const watched = new WeakSet<IncomingMessage>();
  const findings = (): SyncIoFinding[] => report.findings();
  const reporter = onFinding ? reportTo(onFinding) : reportByWarnings(findings);
  const report = new SyncReport({ minMs, ignore, onCount: reporter.count });
  const stopObserving = observeSyncCalls(apis, (api, ms, context, ...where) => {
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

/** Nothing is replaced, watched or entered. */
function absentDetector(): SyncIoDetector {
  const startLine = 'Synchronous calls are not watched: this is production, or `enabled` is false.';
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
  const calls = `Watching synchronous calls inside requests (${apis.join(', ') || 'none'}): ${coverage()}`;
  if (blockedLoopMs === 0) return calls;
  return offBecause === undefined
    ? `${calls} Watching for an event loop that is blocked for ${blockedLoopMs} ms.`
    : `${calls} A blocked event loop is not watched: ${offBecause}.`;
}
