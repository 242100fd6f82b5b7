import cluster from 'node:cluster';
import { isMainThread } from 'node:worker_threads';

/** Requests that a worker drains and exits. PM2 sends the same message. */
export const drainMessage = 'shutdown';

/** PM2 waits for this message. An app with `ready: false` may send it to our primary, too. */
export const readyMessage = 'ready';

/** The environment variable with the process id of the primary. */
export const primaryVariable = 'EXPRESS_PRODUCTIONIZE_PRIMARY';

/** Whether this process, or a thread of it, is a worker of our own primary. PM2 and others fork cluster workers, too. */
export function isOurWorkerProcess(): boolean {
  return process.env[primaryVariable] === String(process.ppid);
}

/** Whether this is the main thread of a worker of our own primary. */
export function isOurWorker(): boolean {
  return isMainThread && cluster.isWorker && isOurWorkerProcess();
}

/** The metrics in a heartbeat. */
export interface WorkerMetrics {
  /** Resident memory in bytes. */
  readonly rssBytes: number;
  /** The utilization of the event loop since the last heartbeat, 0 to 1. */
  readonly utilization: number;
  /** Requests without a complete response. */
  readonly inFlight: number;
  /** Method and route pattern of the request that arrived last. */
  readonly route?: string;
}

/** The settings of a worker's shutdown. */
export interface WorkerShutdown {
  /** It sends `ready` itself. */
  readonly reportsReady: boolean;
  /** The limit of its drain in milliseconds; 0 where it does not drain. */
  readonly drainMs: number;
}

/** Messages of a worker to its primary. */
export type WorkerMessage =
  /** It listens, and its health checks pass. */
  | { readonly productionize: 'ready' }
  | ({ readonly productionize: 'beat' } & WorkerMetrics)
  /** The response to `listening?`. */
  | ({ readonly productionize: 'shutdown' } & WorkerShutdown)
  /** An uncaught error; `draining` when the worker finishes its requests before it exits. */
  | {
      readonly productionize: 'fatal';
      readonly error: string;
      readonly route?: string;
      readonly draining: boolean;
      /** Another start of the same script fails in the same way. */
      readonly permanent: boolean;
    }
  /** The parts that are on in an app. */
  | { readonly productionize: 'parts'; readonly parts: readonly string[] }
  /** Something that is only a risk with more than one worker. */
  | { readonly productionize: 'risk'; readonly risk: string };

/** Messages of the primary to a worker, besides `shutdown`. */
export type PrimaryMessage =
  /** Requests the settings of the shutdown, once the worker listens. */
  | { readonly productionize: 'listening?' }
  /** The replacement of this worker serves. */
  | { readonly productionize: 'replaced' };

/** A message of the other side of this protocol, or nothing: the app sends messages of its own. */
export function asOurs<Message extends WorkerMessage | PrimaryMessage>(
  message: unknown,
): Message | undefined {
  const kind = (message as { productionize?: unknown } | null | undefined)?.productionize;
  return typeof kind === 'string' ? (message as Message) : undefined;
}
