import cluster from 'node:cluster';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import type { MetricFamily } from '../../support/metrics/metric-family.js';

/** The message that requests the drain and exit of a worker. PM2 sends the same message. */
export const drainMessage = 'shutdown';

/** The message for which PM2 waits. An app with `ready: false` may also send it to our primary. */
export const readyMessage = 'ready';

/** The environment variable with the process id of the primary. */
export const primaryVariable = 'EXPRESS_PRODUCTIONIZE_PRIMARY';

/** Whether this process is a worker of our primary, also in its threads. PM2 and others fork cluster workers, too. */
export function isOurWorkerProcess(): boolean {
  return (process.env[primaryVariable] ?? getEnvironmentData(primaryVariable)) === String(process.ppid);
}

/**
 * Moves a variable of `start` from the environment to its prototype: this process can read it there, and the child
 * processes of the app do not inherit it.
 */
export function hideFromChildren(name: string): void {
  const { env } = process;
  const value = env[name];
  if (value === undefined) return;
  if (name === primaryVariable) setEnvironmentData(name, value);
  delete env[name];
  Object.defineProperty(Object.getPrototypeOf(env), name, { value, configurable: true, writable: true });
}

/** Whether this is the main thread of a worker of our primary. */
export function isOurWorker(): boolean {
  return isMainThread && cluster.isWorker && isOurWorkerProcess();
}

/** Sends a message to the primary or to PM2, if this process has a channel. */
export function sendToParent(message: WorkerMessage | typeof readyMessage): void {
  // without a callback, a broken channel emits an error
  process.send?.(message, undefined, undefined, () => {});
}

export interface WorkerMetrics {
  /** Resident memory in bytes. */
  readonly rssBytes: number;
  /** Resident memory in bytes, on Linux without pages that processes share. */
  readonly privateBytes: number;
  /** The utilization of the event loop since the last heartbeat, 0 to 1. */
  readonly utilization: number;
  /** Requests without a complete response. */
  readonly inFlight: number;
  /** Method and route pattern of the request that arrived last. */
  readonly route?: string;
  /** Whether a debugger may stop the worker at a breakpoint. */
  readonly debugged: boolean;
}

export interface WorkerShutdown {
  /** Whether the worker sends `ready` itself. */
  readonly reportsReady: boolean;
  /** The time limit of its drain in milliseconds; 0 where it does not drain. */
  readonly drainMs: number;
}

/** Messages of a worker to its primary. */
export type WorkerMessage =
  /** The worker listens, and its health checks pass. */
  | { readonly productionize: 'ready' }
  | ({ readonly productionize: 'beat' } & WorkerMetrics)
  /** The counters and histograms that have changed since the last of these messages. */
  | { readonly productionize: 'totals'; readonly families: readonly MetricFamily[] }
  /** The response to `listening?`. */
  | ({ readonly productionize: 'shutdown' } & WorkerShutdown)
  /** An uncaught error; `draining` when the worker finishes its requests before it exits. */
  | {
      readonly productionize: 'fatal';
      readonly error: string;
      readonly route?: string;
      readonly draining: boolean;
      /** Whether another start of the same script fails in the same way. */
      readonly permanent: boolean;
    }
  /** The enabled parts of an app. */
  | { readonly productionize: 'parts'; readonly parts: readonly string[] }
  /** State that is a risk only with more than one worker. */
  | { readonly productionize: 'risk'; readonly risk: string }
  /** The app has metrics, which the primary serves at this address. */
  | { readonly productionize: 'metrics'; readonly port: number; readonly host: string }
  /** The result of a task; `error` has the reason where it failed. */
  | {
      readonly productionize: 'result';
      readonly id: number;
      readonly result?: unknown;
      readonly error?: string;
    };

/** Messages of the primary to a worker, besides `shutdown`. */
export type PrimaryMessage =
  /** Requests the settings of the shutdown, once the worker listens. */
  | { readonly productionize: 'listening?' }
  /** The replacement of this worker is ready. */
  | { readonly productionize: 'replaced' }
  /** Requests a task of the worker, by its name. */
  | {
      readonly productionize: 'task';
      readonly id: number;
      readonly name: string;
      readonly argument: unknown;
    };

/** Returns a message of this protocol, and `undefined` for other messages, which the app may send. */
export function asOurs<Message extends WorkerMessage | PrimaryMessage>(
  message: unknown,
): Message | undefined {
  const kind = (message as { productionize?: unknown } | null | undefined)?.productionize;
  return typeof kind === 'string' ? (message as Message) : undefined;
}
