import { setTimeout as delay } from 'node:timers/promises';
import { debugFor } from '../../support/debug.js';
import { quote } from '../../support/errors.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import { logLine } from '../../support/logger-adapter.js';
import { leaveCluster } from '../../support/parent-process.js';
import { processWide } from '../../support/process-wide.js';
import { shutdownKey } from '../../support/symbols.js';
import { withTimeLimit } from '../../support/time-limit.js';
import { notifyServiceStopping } from '../systemd/service-manager.js';
import { announce, type DrainScope, destroyOpen, drain, stillOpen } from './drain.js';
import { hooks, runHook } from './hooks.js';
import type { ShutdownSettings } from './shutdown-settings.js';

const debug = debugFor('graceful-shutdown');

/** The settings of a shutdown that concern the drain and its log. */
export type EndSettings = Pick<ShutdownSettings, 'delayMs' | 'timeoutMs' | 'quietMs' | 'logger' | 'flush'>;

/** Servers that are shut down when the process ends, with their settings. */
export interface Member extends DrainScope, EndSettings {
  /** Servers that respond until the end. */
  readonly adminServers: DrainScope;
  /** Whether the parent process is notified when the servers are ready. */
  readonly ready: boolean;
}

/** A request to end the process: its reason and its settings. */
export interface ShutdownRequest {
  readonly reason: string;
  /** @default 0 */
  readonly code?: number;
  /** Skips the delay, or ends it if it runs. */
  readonly now?: boolean;
  /** Milliseconds for open requests, instead of the longest `timeoutMs` of the members. */
  readonly timeoutMs?: number;
  /** Apps that are drained in addition to the members. */
  readonly lifecycles?: Iterable<Lifecycle>;
  /** Settings for a process in which no server listens yet. */
  readonly settings?: EndSettings;
  /** Runs last, after the log is flushed. */
  last?(): void;
  /** The latest time of the exit while the event loop has work, on the clock of `performance.now()`. */
  readonly reportsUntil?: number;
}

interface Run {
  readonly reason: string;
  readonly scope: DrainScope & { readonly lifecycles: Set<Lifecycle> };
  readonly endDelay: AbortController;
  readonly deadline: AbortController;
  readonly last: (() => void)[];
  reportsUntil: number;
  code: number;
}

/** One per process, shared by all apps, servers and copies of the package. */
interface Ending {
  readonly members: Set<Member>;
  run: Run | undefined;
}

const ending = processWide<Ending>(shutdownKey, () => ({ members: new Set(), run: undefined }));

/** Milliseconds for each hook when the time limit has passed. */
const leastForHooksMs = 250;
const flushMs = 200;

/** The members at this moment; a live view. */
export const members = ending.members;

/** Whether the process is being shut down. */
export function isEnding(): boolean {
  return ending.run !== undefined;
}

/**
 * Ends the process once. A second request joins the first: it may raise the exit code, and it never extends the drain.
 * First every app is set to draining, and requests are accepted for the delay. Then the listener closes and open
 * requests finish. Finally hooks run, the log is flushed, and the process exits.
 */
export function endProcess(request: ShutdownRequest): void {
  const { reason, code = 0, now = false, last, reportsUntil = 0 } = request;
  if (ending.run) {
    const { run } = ending;
    debug(() => ['%s joins the shutdown that %s began', reason, run.reason]);
    run.code = Math.max(run.code, code);
    run.reportsUntil = Math.max(run.reportsUntil, reportsUntil);
    for (const lifecycle of request.lifecycles ?? []) run.scope.lifecycles.add(lifecycle);
    announce(run.scope);
    if (last) run.last.push(last);
    if (now) run.endDelay.abort();
    return;
  }
  const all = [...members];
  const scope = {
    servers: new Set(all.flatMap(({ servers }) => [...servers])),
    lifecycles: new Set([...all.flatMap(({ lifecycles }) => [...lifecycles]), ...(request.lifecycles ?? [])]),
  };
  for (const { servers } of scope.lifecycles) for (const server of servers) scope.servers.add(server);
  for (const { adminServers } of all) for (const server of adminServers.servers) scope.servers.delete(server);
  ending.run = {
    reason,
    scope,
    code,
    reportsUntil,
    endDelay: new AbortController(),
    deadline: new AbortController(),
    last: last ? [last] : [],
  };
  if (now) ending.run.endDelay.abort();
  announce(scope);
  const settings = all.length === 0 && request.settings ? [request.settings] : all;
  shutDown(ending.run, settings, all, request.timeoutMs).catch((error) => {
    logTo(settings, 'error', { reason }, `${reason}: exit 1, the drain failed: ${quote(error)}`);
    process.exit(1);
  });
}

/** Ends the process without waiting any longer. */
export function forceEnd(reason: string): void {
  const open = ending.run ? stillOpen(ending.run.scope) : [];
  logTo(
    [...members],
    'error',
    { reason, ...(open.length > 0 && { open }) },
    `exit forced by ${reason}${open.length > 0 ? `, still open: ${open.join(', ')}` : ''}`,
  );
  process.exit(1);
}

async function shutDown(
  run: Run,
  all: readonly EndSettings[],
  participants: readonly Member[],
  timeout: number | undefined,
): Promise<void> {
  const { reason, scope, deadline } = run;
  const accepting = [...scope.servers].some(({ listening }) => listening);
  const delayMs = accepting && !run.endDelay.signal.aborted ? longestOf(all, 'delayMs', 0) : 0;
  const timeoutMs = timeout ?? longestOf(all, 'timeoutMs', 0);
  const endAt = performance.now() + delayMs + timeoutMs;
  const leftMs = () => Math.max(leastForHooksMs, endAt - performance.now());
  const report = (level: 'info' | 'error', message: string, open: readonly string[] = []) =>
    logTo(all, level, { reason, ...(open.length > 0 && { open }) }, `${reason}: ${message}`);
  const timer = setTimeout(() => deadline.abort(), delayMs + timeoutMs);
  notifyServiceStopping(reason, delayMs + timeoutMs + hooks.shutdown.size * leastForHooksMs);

  if (all.length > 0) {
    const open = stillOpen(scope);
    const how = delayMs > 0 ? `, accepting requests for ${delayMs} ms more` : '';
    report('info', `draining${open.length > 0 ? ' with open requests' : ''}${how}`, open);
  }
  if (delayMs > 0) await delay(delayMs, undefined, { signal: run.endDelay.signal }).catch(() => {});

  const failed = (problem: string | undefined) => {
    if (problem === undefined) return;
    run.code = Math.max(run.code, 1);
    report('error', problem);
  };
  let drainHooks: Promise<unknown> | undefined;
  const runDrainHooks = (): Promise<unknown> => {
    drainHooks ??= Promise.all([...hooks.drain].map(async (hook) => failed(await runHook(hook, leftMs()))));
    return drainHooks;
  };
  const quietMs = longestOf(all, 'quietMs', 30);
  await Promise.race([
    drain(scope, quietMs, deadline.signal, runDrainHooks).then(runDrainHooks),
    new Promise((resolve) => deadline.signal.addEventListener('abort', resolve)),
  ]);
  clearTimeout(timer);
  if (deadline.signal.aborted) {
    void runDrainHooks();
    const open = destroyOpen(scope);
    run.code = Math.max(run.code, 1);
    const limitMs = delayMs + timeoutMs;
    const what =
      open.length > 0 ? `closed after ${limitMs} ms: ${open.join(', ')}` : `not drained within ${limitMs} ms`;
    report('error', what, open);
  }
  for (const hook of [...hooks.shutdown].reverse()) failed(await runHook(hook, leftMs()));
  await leaveCluster();
  await Promise.all(
    participants.map(({ adminServers }) => drain(adminServers, 0, AbortSignal.timeout(leastForHooksMs))),
  );
  if (all.length > 0) report('info', `exit ${run.code || (process.exitCode ?? 0)}`);
  // a logger that writes asynchronously would lose a line that is written after the flush
  for (const action of run.last) action();
  const flushed = Promise.all(all.map(({ flush }) => flush()));
  await withTimeLimit(flushed, flushMs, () => {}).catch(() => {});
  // without a failure, the app's own exit code is used
  exitWhenIdle(run.code || process.exitCode, run.reportsUntil);
}

/** Exits when the event loop is empty, and at `until` on the clock of `performance.now()` at the latest. */
function exitWhenIdle(code: NodeJS.Process['exitCode'], until: number): void {
  const leftMs = until - performance.now();
  if (leftMs <= 0) process.exit(code);
  const exit = (): never => process.exit(code);
  process.once('beforeExit', exit);
  setTimeout(exit, leftMs).unref();
}

function longestOf(
  all: readonly EndSettings[],
  name: 'delayMs' | 'timeoutMs' | 'quietMs',
  initial: number,
): number {
  return all.reduce((longest, member) => Math.max(longest, member[name]), initial);
}

function logTo(
  all: readonly EndSettings[],
  level: 'info' | 'error',
  fields: { readonly reason: string; readonly open?: readonly string[] },
  message: string,
): void {
  for (const logger of new Set(all.map((member) => member.logger))) logLine(logger, level, fields, message);
}
