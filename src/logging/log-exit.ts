import { isMainThread } from 'node:worker_threads';
import { attachShared } from '../support/attachment.js';
import { processWide } from '../support/process-wide.js';
import { ownSignalListener, standAsideListeners } from '../support/signal-listeners.js';
import { logExitKey } from '../support/symbols.js';
import { WeakList } from '../support/weak-list.js';

/** The methods of a log destination that are called when the process ends. */
export interface ExitMember {
  /** Called on a signal that the app handles: writes the queued lines without waiting. */
  tryFlush(): void;
  /** Called before a signal ends the process: writes all queued lines before the deadline. */
  flushSync(): void;
  /** Called when the process exits: writes all queued lines, and later lines synchronously. */
  finish(): void;
}

type StandardStream = NodeJS.WriteStream & { fd: number };

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * The listeners that all destinations of the process share. They are attached while there is at least one destination.
 */
class ExitHooks {
  readonly #members = new WeakList<ExitMember>();
  readonly #streams = new Set<StandardStream>();

  /** Adds a destination. Returns a function that removes it. */
  add(member: ExitMember): () => void {
    return this.#members.add(member, member, this.#listen());
  }

  #listen(): () => void {
    return attachShared(this, 'listeners', () => this.#attach());
  }

  /** Prevents the process from ending when the app itself prints to this stream after its pipe was closed. */
  guard(stream: StandardStream): void {
    if (this.#streams.has(stream)) return;
    this.#streams.add(stream);
    stream.on('error', ignoreBrokenPipe);
  }

  #attach(): () => void {
    process.on('exit', this.#onExit);
    // this listener is prepended, because a `once` listener of the app is removed before it runs and would
    // not be counted
    if (isMainThread) for (const signal of signals) process.prependListener(signal, this.#onSignal);
    return () => {
      process.off('exit', this.#onExit);
      for (const signal of signals) process.off(signal, this.#onSignal);
      for (const stream of this.#streams) stream.off('error', ignoreBrokenPipe);
      this.#streams.clear();
    };
  }

  readonly #onExit = (): void => {
    for (const member of this.#members) member.finish();
  };

  readonly #onSignal = ownSignalListener((signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) - 1 > standAsideListeners()) {
      for (const member of this.#members) member.tryFlush();
      return;
    }
    for (const member of this.#members) member.flushSync();
    process.off(signal, this.#onSignal);
    process.kill(process.pid, signal);
  });
}

function ignoreBrokenPipe(this: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && this.listenerCount('error') === 1) throw error;
}

export const exitHooks = processWide(logExitKey, () => new ExitHooks());
