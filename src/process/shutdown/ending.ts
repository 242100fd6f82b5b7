import { setTimeout as delay } from 'node:timers/promises';
import { debugFor } from '../../support/debug.js';
import { quote } from '../../support/errors.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import { leaveCluster } from '../../support/parent-process.js';
import { logLine, type PartLogger } from '../../support/part-logger.js';
import { processWide } from '../../support/process-wide.js';
import { shutdownKey } from '../../support/symbols.js';
import { withTimeLimit } from '../../support/time-limit.js';
import { tellServiceStopping } from '../systemd/service-manager.js';
import { announce, cut, drain, type Leaving, stillOpen } from './drain.js';
import { hooks, runHook } from './hooks.js';

const debug = debugFor('graceful-shutdown');

/** How the process ends. */
export interface Manner {
  /** Milliseconds requests are still accepted. */
  readonly delayMs: number;
  /** Milliseconds from the end of the delay until what is open is cut. */
  readonly timeoutMs: number;
  /** Milliseconds without a sound after which an idle connection is closed. */
  readonly quietMs: number;
  readonly logger: PartLogger;
  flush(): Promise<void>;
}

/** What takes part in the end of the process. */
export interface Member extends Leaving, Manner {
  /** Servers that answer until the very end. */
  readonly adminServers: Leaving;
  /** Whether the parent is told when the servers are ready. */
  readonly ready: boolean;
}

/** Why and how the process ends. */
export interface Demand {
  readonly reason: string;
  /** @default 0 */
  readonly code?: number;
  /** Ends the delay, or leaves it out. */
  readonly now?: boolean;
  /** Milliseconds for what is open, where no member says another. */
  readonly timeoutMs?: number;
  /** More that ends, beside the members. */
  readonly lifecycles?: Iterable<Lifecycle>;
  /** How the process ends before any server listens. */
  readonly manner?: Manner;
  /** The last thing before the process exits. */
  last?(): void;
  /** Listeners of the app may go on until then, on the clock of `performance.now()`. */
  readonly reportsUntil?: number;
}

interface Run {
  readonly reason: string;
  readonly leaving: Leaving & { readonly lifecycles: Set<Lifecycle> };
  readonly endDelay: AbortController;
  readonly deadline: AbortController;
  readonly last: (() => void)[];
  reportsUntil: number;
  code: number;
}

/** All that ends together, whatever the number of apps, servers and copies of the package. */
interface Ending {
  readonly members: Set<Member>;
  run: Run | undefined;
}

const ending = processWide<Ending>(shutdownKey, () => ({ members: new Set(), run: undefined }));

/** Hooks get this much when the budget is used up. */
const leastForHooksMs = 250;
const flushMs = 200;

/** What takes part from now on; a live view. */
export const members = ending.members;

/** Whether the process is on its way out. */
export function isEnding(): boolean {
  return ending.run !== undefined;
}

/**
 * Ends the process once: a second demand joins the first, makes its exit code worse where it asks for that, and never
 * makes it last longer. In order: every app turns to draining; requests are accepted for the delay; nobody is accepted
 * any more, and what is open is answered; hooks run; the log is written; the process exits.
 */
export function endProcess(demand: Demand): void {
  const { reason, code = 0, now = false, last, reportsUntil = 0 } = demand;
  if (ending.run) {
    const { run } = ending;
    debug(() => ['%s: joins the end that %s began', reason, run.reason]);
    run.code = Math.max(run.code, code);
    run.reportsUntil = Math.max(run.reportsUntil, reportsUntil);
    for (const lifecycle of demand.lifecycles ?? []) run.leaving.lifecycles.add(lifecycle);
    announce(run.leaving);
    if (last) run.last.push(last);
    if (now) run.endDelay.abort();
    return;
  }
  const all = [...members];
  const leaving = {
    servers: new Set(all.flatMap(({ servers }) => [...servers])),
    lifecycles: new Set([...all.flatMap(({ lifecycles }) => [...lifecycles]), ...(demand.lifecycles ?? [])]),
  };
  for (const { servers } of leaving.lifecycles) for (const server of servers) leaving.servers.add(server);
  for (const { adminServers } of all)
    for (const server of adminServers.servers) leaving.servers.delete(server);
  ending.run = {
    reason,
    leaving,
    code,
    reportsUntil,
    endDelay: new AbortController(),
    deadline: new AbortController(),
    last: last ? [last] : [],
  };
  if (now) ending.run.endDelay.abort();
  announce(leaving);
  const manners = all.length === 0 && demand.manner ? [demand.manner] : all;
  runDown(ending.run, manners, all, demand.timeoutMs).catch((error) => {
    say(manners, 'error', { reason }, `${reason}: exit 1, the drain failed: ${quote(error)}`);
    process.exit(1);
  });
}

/** Ends the process without waiting any longer. */
export function forceEnd(reason: string): void {
  const open = ending.run ? stillOpen(ending.run.leaving) : [];
  say(
    [...members],
    'error',
    { reason, ...(open.length > 0 && { open }) },
    `exit forced by ${reason}${open.length > 0 ? `, still open: ${open.join(', ')}` : ''}`,
  );
  process.exit(1);
}

async function runDown(
  run: Run,
  all: readonly Manner[],
  taking: readonly Member[],
  timeout: number | undefined,
): Promise<void> {
  const { reason, leaving, deadline } = run;
  const accepting = [...leaving.servers].some(({ listening }) => listening);
  const delayMs = accepting && !run.endDelay.signal.aborted ? most(all, 'delayMs', 0) : 0;
  const timeoutMs = timeout ?? most(all, 'timeoutMs', 0);
  const endAt = performance.now() + delayMs + timeoutMs;
  const leftMs = () => Math.max(leastForHooksMs, endAt - performance.now());
  const report = (level: 'info' | 'error', message: string, open: readonly string[] = []) =>
    say(all, level, { reason, ...(open.length > 0 && { open }) }, `${reason}: ${message}`);
  const timer = setTimeout(() => deadline.abort(), delayMs + timeoutMs);
  tellServiceStopping(reason, delayMs + timeoutMs + hooks.shutdown.size * leastForHooksMs);

  if (all.length > 0) {
    const open = stillOpen(leaving);
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
  const quietMs = most(all, 'quietMs', 30);
  await Promise.race([
    drain(leaving, quietMs, deadline.signal, runDrainHooks).then(runDrainHooks),
    new Promise((resolve) => deadline.signal.addEventListener('abort', resolve)),
  ]);
  clearTimeout(timer);
  if (deadline.signal.aborted) {
    void runDrainHooks();
    const open = cut(leaving);
    run.code = Math.max(run.code, 1);
    report('error', `cut after ${delayMs + timeoutMs} ms: ${open.join(', ') || 'hooks'}`, open);
  }
  for (const hook of [...hooks.shutdown].reverse()) failed(await runHook(hook, leftMs()));
  await leaveCluster();
  await Promise.all(
    taking.map(({ adminServers }) => drain(adminServers, 0, AbortSignal.timeout(leastForHooksMs))),
  );
  if (all.length > 0) report('info', `exit ${run.code || (process.exitCode ?? 0)}`);
  const flushed = Promise.all(all.map(({ flush }) => flush()));
  await withTimeLimit(flushed, flushMs, () => {}).catch(() => {});
  for (const action of run.last) action();
  // a clean end leaves the exit code to the app
  exitWhenIdle(run.code || process.exitCode, run.reportsUntil);
}

/** Exits when the event loop has nothing left to do, and at the latest at a time on the clock of `performance.now()`. */
function exitWhenIdle(code: NodeJS.Process['exitCode'], until: number): void {
  const leftMs = until - performance.now();
  if (leftMs <= 0) process.exit(code);
  const exit = (): never => process.exit(code);
  process.once('beforeExit', exit);
  setTimeout(exit, leftMs).unref();
}

function most(all: readonly Manner[], name: 'delayMs' | 'timeoutMs' | 'quietMs', least: number): number {
  return all.reduce((longest, member) => Math.max(longest, member[name]), least);
}

function say(
  all: readonly Manner[],
  level: 'info' | 'error',
  fields: { readonly reason: string; readonly open?: readonly string[] },
  message: string,
): void {
  for (const logger of new Set(all.map((member) => member.logger))) logLine(logger, level, fields, message);
}
