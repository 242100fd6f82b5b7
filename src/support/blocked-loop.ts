import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { attempt } from './attempt.js';
import { type BlockedLoop, type WatchData, watchBeats } from './blocked-loop-worker.js';
import { debugFor } from './debug.js';
import { requestStorageKey } from './symbols.js';

export type { BlockedLoop };

/** A running watch, or the reason why there is none. */
interface LoopWatch {
  readonly offBecause: string | undefined;
  stop(): void;
}

const debug = debugFor('sync-io');

/**
 * Watches the event loop of this thread from a worker thread. A timer counts the turns of the event loop. When the
 * count does not change for `limitMs`, the worker pauses this thread through the inspector. It reads the stack and the
 * request, and resumes the thread. It prints a report unless `prints` is false. Tracing costs several times as much per call and aborts Node 24.
 */
export function watchBlockedLoop(
  limitMs: number,
  onBlocked: (block: BlockedLoop) => void,
  { prints = true } = {},
): LoopWatch {
  const inspector = loadInspector();
  if (inspector === undefined) return off('this Node was built without an inspector');
  if (inspector.url() !== undefined) return off('a debugger is open, which would conflict with it');

  const beats = new Int32Array(new SharedArrayBuffer(8));
  const workerData: WatchData = {
    beats,
    limitMs,
    prints,
    storageName: Symbol.keyFor(requestStorageKey) as string,
  };
  let worker: Worker;
  try {
    worker = new Worker(workerSource, {
      eval: true,
      name: 'blocked loop',
      workerData,
      // the worker does not run the preloads and loaders of the app
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
  } catch (error) {
    return off(`the worker thread did not start (${(error as Error).message})`);
  }
  worker.on('message', onBlocked);
  worker.on('error', (error) => debug(() => ['the watch of the event loop ended: %o', error]));
  worker.unref();

  // If the worker pauses this function, the event loop is not blocked. The worker compares its name, which is set here,
  // because a minifier may have changed it.
  Object.defineProperty(beatOfTheLoop, 'name', { value: 'beatOfTheLoop' });
  function beatOfTheLoop(): void {
    if (inspector?.url() !== undefined) Atomics.store(beats, 1, 1);
    Atomics.add(beats, 0, 1);
    Atomics.notify(beats, 0);
  }
  // counts the first turn, because a request may block before the first interval ends
  const firstTurn = setImmediate(beatOfTheLoop).unref();
  const timer = setInterval(beatOfTheLoop, Math.ceil(limitMs / 4)).unref();
  return {
    offBecause: undefined,
    stop() {
      clearImmediate(firstTurn);
      clearInterval(timer);
      void worker.terminate();
    },
  };
}

const workerSource = `(${watchBeats.toString()})(require);`;

/** Returns `undefined` if Node was built without an inspector. */
function loadInspector(): typeof import('node:inspector') | undefined {
  return attempt(() => createRequire(process.execPath)('node:inspector'));
}

function off(offBecause: string): LoopWatch {
  debug(() => ['a blocked event loop is not watched: %s', offBecause]);
  return { offBecause, stop() {} };
}
