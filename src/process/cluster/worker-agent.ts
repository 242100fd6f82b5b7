import { performance } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { contextOf, currentContext, type InternalRequestContext } from '../../support/context/context.js';
import { quote } from '../../support/errors.js';
import { fatalHooks } from '../../support/fatal-hooks.js';
import { liveApps } from '../../support/live-apps.js';
import { openEndpoints } from '../../support/metrics/open-metrics.js';
import { maxInt32 } from '../../support/options.js';
import { processWide } from '../../support/process-wide.js';
import { clusterAgentKey } from '../../support/symbols.js';
import { workerTasks } from '../../support/worker-tasks.js';
import { addInspectionTasks } from '../inspect/inspection-tasks.js';
import { members } from '../shutdown/ending.js';
import { hooks, makeHook } from '../shutdown/hooks.js';
import { privateMemory } from './private-memory.js';
import { watchRisks } from './single-process-risks.js';
import {
  asOurs,
  hideFromChildren,
  type PrimaryMessage,
  primaryVariable,
  sendToParent,
  type WorkerShutdown,
} from './worker-protocol.js';
import { reportTotals } from './worker-totals.js';

const heartbeatMs = 1000;
const longestError = 4096;

const agent = processWide(clusterAgentKey, () => ({ runs: false }));

/**
 * Starts the reports of a worker to its primary: heartbeats with metrics, fatal errors, and risks with several workers.
 * They start once per process, for all copies of the package.
 */
export function startAgent({ sticky = false } = {}): void {
  if (agent.runs) return;
  agent.runs = true;
  hideFromChildren(primaryVariable);
  let before = performance.eventLoopUtilization();
  const beat = (): void => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    sendToParent({
      productionize: 'beat',
      ...requests(),
      rssBytes: process.memoryUsage.rss(),
      privateBytes: privateMemory(),
      utilization,
      debugged: inspectorUrl() !== undefined,
    });
  };
  setInterval(beat, heartbeatMs).unref();
  reportTotals(heartbeatMs);

  const onUncaught = (error: unknown): void => sendFatal(error, false);
  let dying = false;
  const onFatal = (error: unknown): void => {
    dying = true;
    sendFatal(error, true);
  };
  // the hook has no time limit, because that of the drain applies
  const waitForReplacement = makeHook(() => dying && replaced(), {
    name: 'the replacement of this worker',
    timeoutMs: maxInt32,
  });
  const onMessage = (message: unknown): void => {
    const received = asOurs<PrimaryMessage>(message);
    if (received?.productionize === 'task') void runTask(received);
    if (received?.productionize !== 'listening?') return;
    // one turn of the event loop later, every listener for `listening` has run
    setImmediate(() => {
      // the primary compares later metrics with those at the start, before the first requests
      beat();
      sendToParent({ productionize: 'shutdown', ...shutdown() });
    });
  };
  addInspectionTasks();
  openEndpoints.requestOfPrimary = reportMetrics;
  watchRisks((risk) => sendToParent({ productionize: 'risk', risk }), sticky);
  // this reports the last metrics even when the app calls process.exit
  process.on('exit', beat);
  process.on('message', onMessage);
  process.on('uncaughtExceptionMonitor', onUncaught);
  // SIGHUP for the whole process group would end this worker by default; the primary handles it
  process.on('SIGHUP', () => {});
  fatalHooks.add(onFatal);
  hooks.drain.add(waitForReplacement);
}

/** Reports the enabled parts of an app of this worker. */
export function reportParts(parts: readonly string[]): void {
  if (agent.runs) sendToParent({ productionize: 'parts', parts });
}

/** Requests that the primary serves the metrics of its workers. */
function reportMetrics(port: number, host: string): void {
  sendToParent({ productionize: 'metrics', port, host });
}

/** Reports an error of a server. An app may handle it and exit, and the exit would then have no cause in the log. */
export function reportServerError(error: unknown): void {
  if (agent.runs) sendFatal(error, false);
}

function sendFatal(error: unknown, draining: boolean): void {
  const route = nameOf(currentContext());
  sendToParent({
    productionize: 'fatal',
    error: describe(error),
    permanent: isPermanent(error),
    draining,
    ...(route && { route }),
  });
}

type TaskMessage = Extract<PrimaryMessage, { productionize: 'task' }>;

async function runTask({ id, name, argument }: TaskMessage): Promise<void> {
  try {
    const task = workerTasks.get(name);
    if (task === undefined) throw new Error(`this worker has no task ${quote(name)}`);
    sendToParent({ productionize: 'result', id, result: await task(argument) });
  } catch (error) {
    sendToParent({ productionize: 'result', id, error: (error as Error).message });
  }
}

/** Resolves when the primary reports that a replacement is ready, or when the channel is closed. */
function replaced(): Promise<void> {
  if (!process.connected) return Promise.resolve();
  return new Promise((resolve) => {
    process.on('message', (message) => {
      if (asOurs<PrimaryMessage>(message)?.productionize === 'replaced') resolve();
    });
    process.once('disconnect', resolve);
  });
}

/** The settings of the shutdown of this process. */
function shutdown(): WorkerShutdown {
  let reportsReady = false;
  let drainMs = 0;
  for (const { ready, delayMs, timeoutMs } of members) {
    reportsReady ||= ready;
    drainMs = Math.max(drainMs, delayMs + timeoutMs);
  }
  return { reportsReady, drainMs };
}

/** The number of requests in flight, and the route of the last one. */
function requests(): { inFlight: number; route?: string } {
  let inFlight = 0;
  let last: InternalRequestContext | undefined;
  for (const app of liveApps) {
    inFlight += app.inFlight.size;
    for (const { req } of app.inFlight) last = contextOf(req) ?? last;
  }
  const route = nameOf(last);
  return { inFlight, ...(route && { route }) };
}

/** The method and route pattern of a request. A path without a pattern is client input and is not reported. */
function nameOf(context: InternalRequestContext | undefined): string | undefined {
  return context && `${context.method} ${context.route ?? '(no route)'}`;
}

function describe(error: unknown): string {
  let text: string;
  try {
    text = error instanceof Error ? describeError(error) : inspect(error, { depth: 1 });
  } catch {
    text = 'an error that cannot be inspected';
  }
  return text.slice(0, longestError);
}

/** The stack of an error. Where a file does not compile and the stack begins with its path, the error is prepended. */
function describeError(error: Error): string {
  const { stack } = error;
  if (stack === undefined || stack.startsWith(error.name) || !doesNotCompile(error)) {
    return stack ?? String(error);
  }
  const [place, ...lines] = stack.split('\n');
  return [`${error} (${place})`, ...lines].join('\n');
}

/** Whether a file did not compile: its stack begins with the file and line, or its first frame is Node's loader. */
function doesNotCompile(error: unknown): boolean {
  if (!(error instanceof SyntaxError)) return false;
  const [first = '', frame = ''] = error.stack?.split('\n') ?? [];
  return !first.startsWith(error.name) || frame.includes('node:internal/modules/');
}

const permanentCodes =
  /^(MODULE_NOT_FOUND|ERR_PRODUCTIONIZE_.*|ERR_(MODULE_NOT_FOUND|REQUIRE_ESM|UNKNOWN_FILE_EXTENSION|PACKAGE_PATH_NOT_EXPORTED|UNSUPPORTED_DIR_IMPORT))$/;

/** Whether another start of the same script fails in the same way, independent of its environment. */
function isPermanent(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown };
  return doesNotCompile(error) || (typeof code === 'string' && permanentCodes.test(code));
}

/** The address of an open inspector; Node 20.15 and earlier, and a Node without an inspector, have none. */
function inspectorUrl(): string | undefined {
  return process.getBuiltinModule?.('node:inspector')?.url();
}
