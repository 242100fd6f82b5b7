import { isMainThread } from 'node:worker_threads';
import { attachShared } from '../support/attachment.js';
import { processWide } from '../support/process-wide.js';
import { ownSignalListener, standAsideListeners } from '../support/signal-listeners.js';
import { logExitKey } from '../support/symbols.js';

/** What the end of the process means to a log destination. */
export interface ExitMember {
  /** The process goes on: write what is taken without waiting. */
  tryFlush(): void;
  /** A signal ends the process: write all that is taken before the deadline. */
  flushSync(): void;
  /** The process exits, and the loop turns no more. */
  finish(): void;
}

type StandardStream = NodeJS.WriteStream & { fd: number };

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** The listeners all destinations of the process share; they are there while there is a destination. */
class ExitHooks {
  readonly #members = new Set<ExitMember>();
  readonly #streams = new Set<StandardStream>();

  /** Returns the undo. */
  add(member: ExitMember): () => void {
    const release = attachShared(this, 'listeners', () => this.#attach());
    this.#members.add(member);
    return () => {
      this.#members.delete(member);
      release();
    };
  }

  /** Keeps a closed pipe from ending the process when the app itself prints to this stream. */
  guard(stream: StandardStream): void {
    if (this.#streams.has(stream)) return;
    this.#streams.add(stream);
    stream.on('error', ignoreBrokenPipe);
  }

  #attach(): () => void {
    process.on('exit', this.#onExit);
    // in front, so that a `once` listener of the app is still there to be counted
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
