/** What was timed. It is no part of the score, since it differs between two runs. */
export interface Measured {
  /** The requests of each route, one after the other. */
  readonly routes: readonly RouteLatency[];
  /** Under several requests at the same time. */
  readonly requestsPerSecond: number;
  readonly eventLoop: LoopLoad;
  readonly heldBackBy: 'event loop' | 'I/O' | 'garbage collector' | 'nothing';
}

export interface RouteLatency {
  /** Such as `GET /users`. */
  readonly route: string;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The event loop of the app under load. */
export interface LoopLoad {
  /** The part of the time in which it was busy, from 0 to 1. */
  readonly utilization: number;
  /** The part of the time in which memory was collected, from 0 to 1. */
  readonly collecting: number;
  /** How late timers were. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
}

/** The part of the time above which the garbage collector holds the app back. */
const mostCollecting = 0.3;
const mostDelayMs = 20;
const slowResponseMs = 50;

/** What holds the app back: the first of these that applies. */
export function heldBackBy(load: LoopLoad, routes: readonly RouteLatency[]): Measured['heldBackBy'] {
  if (load.collecting >= mostCollecting) return 'garbage collector';
  if (load.utilization >= 0.5 && load.delayP99Ms >= mostDelayMs) return 'event loop';
  if (load.utilization < 0.5 && routes.some(({ p50Ms }) => p50Ms >= slowResponseMs)) return 'I/O';
  return 'nothing';
}
