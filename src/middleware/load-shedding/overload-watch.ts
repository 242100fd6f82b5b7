/** The load since the previous reading. */
export interface LoadReading {
  /** The time of the reading, on the clock of `performance.now()`. */
  readonly now: number;
  /** Milliseconds of event loop delay. */
  readonly delayMs: number;
  /** Milliseconds in which the event loop was active and in which it was idle. */
  readonly activeMs: number;
  readonly idleMs: number;
  /** Connections in the accept queue, as last read; `undefined` where it cannot be read. */
  readonly queued: number | undefined;
  /** Whether `queued` was read for this reading. */
  readonly fresh: boolean;
}

export interface OverloadSettings {
  readonly maxWaitMs: number;
  readonly sustainedMs: number;
}

/** From this utilization of the event loop on, a process has no spare time. */
export const busy = 0.9;
/** If the queue cannot be read, this utilization over the window counts as overload. */
export const saturated = 0.99;

const minReadings = 3;
/**
 * A sudden delay of more than `stall` times the accepted wait counts as one long task. No overload begins for
 * `stallForgiven` times its length, in which the requests that waited for it can complete.
 */
const stall = 5;
const stallForgiven = 5;
const suddenFactor = 10;
/** Half of Node's default backlog; the kernel drops connections beyond the backlog. */
const longQueue = 256;
/** Waiting for this many requests does not count as overload, however long they take. */
const acceptedRequests = 5;
/** A backlog that decreases by less than this over the window counts as constant. */
const steady = 0.97;

/** Distinguishes overload from a short peak: overload lasts, and the backlog does not shrink. */
export class OverloadWatch {
  readonly #settings: OverloadSettings;
  /** The readings of the window, and the last reading before it. */
  #window: LoadReading[] = [];
  #late = false;
  #stallOverAt = 0;

  constructor(settings: OverloadSettings) {
    this.#settings = settings;
  }

  /** Adds a reading. Returns true if the process is overloaded, and then empties the window. */
  isOverloaded(reading: LoadReading, serviceMs: number, serves: boolean): boolean {
    const { maxWaitMs, sustainedMs } = this.#settings;
    const { now, delayMs, queued } = reading;
    const window = this.#window;
    window.push(reading);
    const from = now - sustainedMs;
    while (window.length > minReadings && (window[1] as LoadReading).now <= from) window.shift();
    const { waitMs, waiting, utilization } = over(window, serviceMs);
    const sudden = delayMs > stall * maxWaitMs && delayMs > suddenFactor * (window.at(-2)?.delayMs ?? 0);
    if (sudden && !this.#late) this.#stallOverAt = now + stallForgiven * delayMs;
    this.#late = waitMs > Math.max(maxWaitMs, acceptedRequests * serviceMs) || waiting >= longQueue;
    const full = window.length >= minReadings && (window[0] as LoadReading).now <= from;
    if (!full || now < this.#stallOverAt || utilization < busy) return false;
    // if the queue cannot be read, utilization is the only measure
    const isSaturated = queued === undefined && utilization >= saturated && serves;
    if (!isSaturated && (!this.#late || isShrinking(window, serviceMs))) return false;
    this.#window = [];
    return true;
  }
}

/** Calculates the means of some readings, weighted by their durations. */
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
