import { attachShared } from '../../support/attachment.js';
import { debugFor } from '../../support/debug.js';
import { clusterWorker } from '../../support/parent-process.js';
import { processWide } from '../../support/process-wide.js';
import { serviceManagerKey } from '../../support/symbols.js';
import { isNotified, type NotifyLink, notifyDescriptorVariable, openLink } from './notify-link.js';

const debug = debugFor('systemd');

/** The variables by which a service manager is found. They are not for children, which would notify it, too. */
const variables = ['NOTIFY_SOCKET', notifyDescriptorVariable, 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Beats per limit of the watchdog: the loop may stall for two thirds of it. */
const beatsPerLimit = 3;
/** The log, and the exit. */
const exitMs = 1000;

interface ServiceManager {
  link: NotifyLink | undefined;
  beat: NodeJS.Timeout | undefined;
  /** The variables that were taken out of the environment. */
  taken: Map<string, string>;
  ready: boolean;
  stopping: boolean;
}

const manager = processWide<ServiceManager>(serviceManagerKey, () => ({
  link: undefined,
  beat: undefined,
  taken: new Map(),
  ready: false,
  stopping: false,
}));

/** Whether a service manager receives messages of this process, so that its stop timeout can be extended. */
export function isHeard(): boolean {
  return manager.link !== undefined || (clusterWorker() === undefined && isNotified(process.env));
}

/**
 * Opens the way to the service manager that started this process, if one waits for messages (`Type=notify`,
 * `WatchdogSec=`, `NotifyAccess=`), and starts the heartbeat it asks for. The variables leave `process.env`: they are
 * for this process, not for its children. Returns its undo.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 */
export function attachServiceManager(): () => void {
  return attachShared(manager, 'attached', () => {
    open();
    return close;
  });
}

function open(): void {
  if (clusterWorker() !== undefined) {
    debug(() => ['a cluster worker: its primary notifies the service manager']);
    return;
  }
  if (!isNotified(process.env)) {
    debug(() => ['no NOTIFY_SOCKET: no service manager waits for messages']);
    return;
  }
  const { WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  const link = openLink(process.env);
  for (const name of variables) {
    const value = process.env[name];
    if (value !== undefined) manager.taken.set(name, value);
    delete process.env[name];
  }
  manager.link = link;
  const limitMs = Number(WATCHDOG_USEC) / 1000;
  if (!link || !(limitMs > 0) || (WATCHDOG_PID && WATCHDOG_PID !== String(process.pid))) return;
  // a timer of the event loop itself: a blocked loop sends no heartbeat
  manager.beat = setInterval(() => link.send('WATCHDOG=1'), limitMs / beatsPerLimit).unref();
}

function close(): void {
  clearInterval(manager.beat);
  for (const [name, value] of manager.taken) process.env[name] ??= value;
  manager.taken.clear();
  manager.link = undefined;
  manager.beat = undefined;
}

/** Sends a message of sd_notify(3). Returns whether a service manager receives it. */
export function tellServiceManager(message: string): boolean {
  manager.link?.send(message);
  return manager.link !== undefined;
}

/** The service is up. */
export function tellServiceReady(status: string): void {
  if (manager.ready || manager.stopping) return;
  manager.ready = tellServiceManager(`READY=1\nSTATUS=${status}`);
}

/** The status of the service, in one line. */
export function tellServiceStatus(status: string): void {
  if (!manager.stopping) tellServiceManager(`STATUS=${status}`);
}

/** The service stops within `budgetMs`, for which its stop timeout is extended. */
export function tellServiceStopping(reason: string, budgetMs?: number): void {
  if (manager.stopping) return;
  manager.stopping = true;
  const extend = budgetMs === undefined ? '' : `\nEXTEND_TIMEOUT_USEC=${Math.ceil(budgetMs + exitMs) * 1000}`;
  tellServiceManager(`STOPPING=1\nSTATUS=${reason}: draining${extend}`);
}
