import { signalExitEmitter, signalListenerKey } from './symbols.js';

/** Marks a signal listener of this library, to distinguish it from those of the app. */
export function ownSignalListener<Listener extends (...args: never[]) => void>(listener: Listener): Listener {
  return Object.assign(listener, { [signalListenerKey]: true });
}

/** The names of the signal listeners of the app and its packages, which handle the signal. */
export function foreignListeners(signal: NodeJS.Signals): readonly string[] {
  const foreign = process.listeners(signal).filter((listener) => !(signalListenerKey in listener));
  return foreign.length > standAsideListeners() ? foreign.map(({ name }) => name || 'anonymous') : [];
}

/**
 * Returns the number of listeners of the `signal-exit` package. Like ours, they re-raise a signal only if there are no
 * other listeners. If both counted each other, none of them would ever re-raise it.
 */
export function standAsideListeners(): number {
  const version3 = (process as { __signal_exit_emitter__?: { count?: unknown } }).__signal_exit_emitter__;
  const version4 = (globalThis as Record<symbol, { count?: unknown } | undefined>)[signalExitEmitter];
  return (Number(version3?.count) || 0) + (Number(version4?.count) || 0);
}
