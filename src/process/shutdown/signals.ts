import { isatty } from 'node:tty';
import { attachShared, once } from '../../support/attachment.js';
import { debugFor } from '../../support/debug.js';
import { outlivePrimary } from '../../support/parent-process.js';
import { processWide } from '../../support/process-wide.js';
import { appListensFor, ownSignalListener } from '../../support/signal-listeners.js';
import { shutdownSignalsKey } from '../../support/symbols.js';
import { attachServiceManager, tellServiceStopping } from '../systemd/service-manager.js';
import { announce } from './drain.js';
import { endProcess, forceEnd, isEnding, type Manner, members } from './ending.js';
import { hooks } from './hooks.js';
import { postponeIdleClose } from './stop-accepting.js';

const debug = debugFor('graceful-shutdown');

const signals = ['SIGTERM', 'SIGINT'] as const;
type Signal = NodeJS.Signals;

/** npm, tini and tools that kill a process tree deliver one signal twice; a second one is an order after this time. */
const patienceMs = 5000;
/** Two of one key press arrive within this time. */
const echoMs = 100;

interface Watch {
  /** Callers that asked for the shutdown by name: theirs goes before listeners of the app. */
  explicit: number;
  /** How the process ends before any server listens: as the last caller said. */
  manner: Manner | undefined;
  received: number[];
}

const watch = processWide<Watch>(shutdownSignalsKey, () => ({
  explicit: 0,
  manner: undefined,
  received: [],
}));

/**
 * Listens for the signals that end a process, one set of listeners for all apps and copies of the package. Where the
 * app listens for the same signal itself, `explicit` says who ends the process: this, or the app. Returns its undo.
 */
export function listenForSignals(explicit: boolean, manner: Manner): () => void {
  watch.manner = manner;
  if (explicit) watch.explicit += 1;
  const release = attachShared(watch, 'listeners', attach);
  return once(() => {
    if (explicit) watch.explicit -= 1;
    release();
  });
}

function attach(): () => void {
  // in front, so that a `once` listener of the app is still there to be counted
  for (const signal of signals) process.prependListener(signal, onSignal);
  const stay = outlivePrimary(() => endProcess({ reason: 'the primary is gone' }));
  const quit = attachServiceManager();
  return () => {
    quit();
    for (const signal of signals) process.off(signal, onSignal);
    stay();
    watch.manner = undefined;
  };
}

const onSignal = ownSignalListener((signal: Signal): void => {
  if (isEnding()) {
    again(signal);
    return;
  }
  if (watch.explicit === 0 && appListensFor(signal)) {
    assist(signal);
    return;
  }
  if (signal === 'SIGINT' && members.size === 0 && hooks.shutdown.size === 0 && !appListensFor(signal)) {
    // nothing was ever served: a script that is interrupted says so to its shell
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
    return;
  }
  watch.received = [performance.now()];
  endProcess({ reason: signal, manner: watch.manner });
});

function again(signal: Signal): void {
  const now = performance.now();
  const last = watch.received.at(-1) ?? now;
  watch.received.push(now);
  const first = watch.received[0] as number;
  const insists = watch.received.length > 2 || now - first > patienceMs;
  const atTerminal = signal === 'SIGINT' && now - last > echoMs && isatty(0);
  if (insists || atTerminal) forceEnd(signal);
  else debug(() => ['another %s changes nothing', signal]);
}

/** The app ends the process itself: it is helped to lose nothing, and left to it. */
function assist(signal: Signal): void {
  debug(() => ['a %s listener of the app was found and kept: it ends the process', signal]);
  tellServiceStopping(signal);
  for (const member of members) {
    announce(member);
    for (const server of member.servers) postponeIdleClose(server);
  }
}
