import { isatty } from 'node:tty';
import { attachShared, once } from '../../support/attachment.js';
import { debugFor } from '../../support/debug.js';
import { logLine } from '../../support/logger-adapter.js';
import { outlivePrimary } from '../../support/parent-process.js';
import { processWide } from '../../support/process-wide.js';
import { foreignListeners, ownSignalListener } from '../../support/signal-listeners.js';
import { shutdownSignalsKey } from '../../support/symbols.js';
import { attachServiceManager, notifyServiceStopping } from '../systemd/service-manager.js';
import { announce } from './drain.js';
import { type EndSettings, endProcess, forceEnd, isEnding, members } from './ending.js';
import { hooks } from './hooks.js';
import { postponeIdleClose } from './stop-accepting.js';

const debug = debugFor('graceful-shutdown');

const signals = ['SIGTERM', 'SIGINT'] as const;
type Signal = NodeJS.Signals;

/** npm, tini and tools that kill a process tree send one signal twice. A second signal counts after this time. */
const repeatMs = 5000;
/** The two signals of one Ctrl-C arrive within this time. */
const keyPressMs = 100;

interface Watch {
  /** The number of callers that enabled the shutdown explicitly; it then takes precedence over listeners of the app. */
  explicit: number;
  /** The settings of the last caller. They apply while no server listens. */
  settings: EndSettings | undefined;
  received: number[];
}

const watch = processWide<Watch>(shutdownSignalsKey, () => ({
  explicit: 0,
  settings: undefined,
  received: [],
}));

/**
 * Listens for the signals that end a process, with one set of listeners for all apps and copies of the package. An app
 * that listens for the same signal ends the process itself, unless `explicit` is set. Returns its undo.
 */
export function listenForSignals(explicit: boolean, settings: EndSettings): () => void {
  watch.settings = settings;
  if (explicit) watch.explicit += 1;
  const release = attachShared(watch, 'listeners', attach);
  return once(() => {
    if (explicit) watch.explicit -= 1;
    release();
  });
}

function attach(): () => void {
  // this listener runs first, so that a `once` listener of the app is still registered and counted
  for (const signal of signals) process.prependListener(signal, onSignal);
  const stay = outlivePrimary(() => endProcess({ reason: 'the primary exited' }));
  const quit = attachServiceManager();
  return () => {
    quit();
    for (const signal of signals) process.off(signal, onSignal);
    stay();
    watch.settings = undefined;
  };
}

/** The names of the listeners that handle a signal instead of this library; none where it is enabled explicitly. */
export function leftTo(signal: Signal): readonly string[] {
  return watch.explicit === 0 ? foreignListeners(signal) : [];
}

const onSignal = ownSignalListener((signal: Signal): void => {
  if (isEnding()) {
    onRepeatedSignal(signal);
    return;
  }
  const others = leftTo(signal);
  if (others.length > 0) {
    assistApp(signal, others);
    return;
  }
  const isUnused = members.size === 0 && hooks.shutdown.size === 0;
  if (signal === 'SIGINT' && isUnused && foreignListeners(signal).length === 0) {
    // no server has listened: the exit status must show the shell that SIGINT ended the script
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
    return;
  }
  watch.received = [performance.now()];
  endProcess({ reason: signal, settings: watch.settings });
});

function onRepeatedSignal(signal: Signal): void {
  const now = performance.now();
  const last = watch.received.at(-1) ?? now;
  watch.received.push(now);
  const first = watch.received[0] as number;
  const isOrder = watch.received.length > 2 || now - first > repeatMs;
  const atTerminal = signal === 'SIGINT' && now - last > keyPressMs && isatty(0);
  if (isOrder || atTerminal) forceEnd(signal);
  else debug(() => ['a second %s has no effect', signal]);
}

/** The app ends the process itself. Its responses then close their connections, so that no request is lost. */
function assistApp(signal: Signal, listeners: readonly string[]): void {
  const logger = watch.settings?.logger;
  const message = `${signal}: left to a listener of the app (${listeners.join(', ')}), which must end the process. Pass \`gracefulShutdown: true\` to end it in any case.`;
  if (logger) logLine(logger, 'warn', { reason: signal, listeners }, message);
  notifyServiceStopping(signal);
  for (const member of members) {
    announce(member);
    for (const server of member.servers) postponeIdleClose(server);
  }
}
