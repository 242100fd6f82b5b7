import { attachShared } from '../../support/attachment.js';
import { debugFor } from '../../support/debug.js';
import { clusterWorker } from '../../support/parent-process.js';
import { processWide } from '../../support/process-wide.js';
import { serviceManagerKey } from '../../support/symbols.js';
import { isNotified, type NotifyLink, notifyDescriptorVariable, openLink } from './notify-link.js';

const debug = debugFor('systemd');

/** The variables that identify a service manager. Child processes that inherit them would notify it, too. */
const variables = ['NOTIFY_SOCKET', notifyDescriptorVariable, 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Heartbeats within the limit of the watchdog: the event loop may be blocked for two thirds of that limit. */
const beatsPerLimit = 3;
/** Milliseconds for the log and the exit, in addition to the shutdown. */
const exitMs = 1000;

interface ServiceManager {
  link: NotifyLink | undefined;
  beat: NodeJS.Timeout | undefined;
  /** The variables that were removed from the environment. */
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

/** Whether a service manager receives the messages of this process, so that its stop timeout can be extended. */
export function hasServiceManager(): boolean {
  return manager.link !== undefined || (clusterWorker() === undefined && isNotified(process.env));
}

/**
 * Connects to the service manager that started this process, if it waits for messages (`Type=notify`, `WatchdogSec=`,
 * `NotifyAccess=`), and starts the heartbeat that it requires. The variables are removed from `process.env`, because
 * they are not for child processes. Returns its undo.
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
export function notifyServiceManager(message: string): boolean {
  manager.link?.send(message);
  return manager.link !== undefined;
}

/** Notifies the service manager once that the service is ready. */
export function notifyServiceReady(status: string): void {
  if (manager.ready || manager.stopping) return;
  manager.ready = notifyServiceManager(`READY=1\nSTATUS=${status}`);
}

export function notifyServiceStatus(status: string): void {
  if (!manager.stopping) notifyServiceManager(`STATUS=${status}`);
}

/** Notifies the service manager once that the service stops. With `budgetMs`, the stop timeout is extended to it. */
export function notifyServiceStopping(reason: string, budgetMs?: number): void {
  if (manager.stopping) return;
  manager.stopping = true;
  const extend = budgetMs === undefined ? '' : `\nEXTEND_TIMEOUT_USEC=${Math.ceil(budgetMs + exitMs) * 1000}`;
  notifyServiceManager(`STOPPING=1\nSTATUS=${reason}: draining${extend}`);
}
