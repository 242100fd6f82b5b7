/** What the sensor saw since its reading before. */
export interface LoadReading {
  /** Milliseconds on the clock of `performance.now()`. */
  readonly now: number;
  /** How many milliseconds late the event loop was. */
  readonly delayMs: number;
  /** Milliseconds the event loop worked, and waited for work. */
  readonly activeMs: number;
  readonly idleMs: number;
  /** Connections that wait in the kernel, as last read; `undefined` where they cannot be seen. */
  readonly queued: number | undefined;
  /** Whether `queued` was read just now. */
  readonly fresh: boolean;
}

/** The settings of an {@link OverloadWatch}. */
export interface OverloadSettings {
  readonly maxWaitMs: number;
  readonly sustainedMs: number;
}

/** From this utilization of the event loop on, a process has no time to spare. */
export const busy = 0.9;
/** Where the queue is out of sight, this utilization over the window is taken for more than the process can do. */
export const saturated = 0.99;

const minReadings = 3;
/**
 * A delay of this many times the wait that is accepted, out of nothing, is one long task. What it held up gets this
 * many times its length to be done.
 */
const stall = 5;
const stallForgiven = 5;
const outOfNothing = 10;
/** Half of the queue that Node asks for by default; what does not fit is lost in silence. */
const longQueue = 256;
/** Waiting for this many requests is no overload, however long they take. */
const acceptedRequests = 5;
/** A backlog that falls by less than this over the window is not about to go. */
const steady = 0.97;

/** Tells overload from a busy moment: it lasts, and does not get better by itself. */
export class OverloadWatch {
  readonly #settings: OverloadSettings;
  /** The readings of the window, and the last one before it. */
  #window: LoadReading[] = [];
  #late = false;
  #stallOverAt = 0;

  constructor(settings: OverloadSettings) {
    this.#settings = settings;
  }

  /** Takes a reading in; true when the process is overloaded, and then it starts afresh. */
  sees(reading: LoadReading, serviceMs: number, serves: boolean): boolean {
    const { maxWaitMs, sustainedMs } = this.#settings;
    const { now, delayMs, queued } = reading;
    const window = this.#window;
    window.push(reading);
    const from = now - sustainedMs;
    while (window.length > minReadings && (window[1] as LoadReading).now <= from) window.shift();
    const { waitMs, waiting, utilization } = over(window, serviceMs);
    const sudden = delayMs > stall * maxWaitMs && delayMs > outOfNothing * (window.at(-2)?.delayMs ?? 0);
    if (sudden && !this.#late) this.#stallOverAt = now + stallForgiven * delayMs;
    this.#late = waitMs > Math.max(maxWaitMs, acceptedRequests * serviceMs) || waiting >= longQueue;
    const full = window.length >= minReadings && (window[0] as LoadReading).now <= from;
    if (!full || now < this.#stallOverAt || utilization < busy) return false;
    // where the queue is out of sight, a loop without rest is all there is to see
    const restless = queued === undefined && utilization >= saturated && serves;
    if (!restless && (!this.#late || isShrinking(window, serviceMs))) return false;
    this.#window = [];
    return true;
  }
}

/** The means over some readings; each counts for as long as it lasted. */
function over(readings: readonly LoadReading[], serviceMs: number) {
  let waitMs = 0;
  let waiting = 0;
  let active = 0;
  let elapsed = 1e-3;
  for (const { delayMs, activeMs, idleMs, queued = 0 } of readings) {
    const ms = activeMs + idleMs;
    waitMs += ms * (delayMs + queued * serviceMs);
    waiting += ms * queued;
    active += activeMs;
    elapsed += ms;
  }
  return { waitMs: waitMs / elapsed, waiting: waiting / elapsed, utilization: active / elapsed };
}

function isShrinking(window: readonly LoadReading[], serviceMs: number): boolean {
  const half = Math.floor(window.length / 2);
  const before = over(window.slice(0, half), serviceMs).waitMs;
  return over(window.slice(-half), serviceMs).waitMs < steady * before;
}
