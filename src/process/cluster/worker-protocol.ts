import cluster from 'node:cluster';
import { isMainThread } from 'node:worker_threads';

/** What asks a worker to drain and leave; PM2 sends the same. */
export const drainMessage = 'shutdown';

/** What PM2 waits for once a worker listens and is ready; an app with `ready: false` may send it to our primary, too. */
export const readyMessage = 'ready';

/** Tells a worker's processes whose worker it is: the process id of the primary. */
export const primaryVariable = 'EXPRESS_PRODUCTIONIZE_PRIMARY';

/** Whether this process, or a thread of it, is a worker of our own primary. PM2 and others fork cluster workers, too. */
export function isOurWorkerProcess(): boolean {
  return process.env[primaryVariable] === String(process.ppid);
}

/** Whether this is the main thread of a worker of our own primary. */
export function isOurWorker(): boolean {
  return isMainThread && cluster.isWorker && isOurWorkerProcess();
}

/** How a worker is, told by itself once per beat. */
export interface Vitals {
  /** Resident memory in bytes. */
  readonly rssBytes: number;
  /** How busy the event loop was since the last beat, 0 to 1. */
  readonly utilization: number;
  /** Requests that have no complete answer yet. */
  readonly inFlight: number;
  /** Method and route pattern of the request that came last. */
  readonly route?: string;
}

/** What a worker does by itself. */
export interface Manners {
  /** It says `ready` once it is. */
  readonly saysReady: boolean;
  /** It drains when it is asked to leave, within this many milliseconds; 0 where it does not. */
  readonly drainMs: number;
}

/** What a worker tells its primary. */
export type WorkerMessage =
  /** It listens, and its health checks pass. */
  | { readonly productionize: 'ready' }
  | ({ readonly productionize: 'beat' } & Vitals)
  /** The answer to `listening?`. */
  | ({ readonly productionize: 'manners' } & Manners)
  /** An error that nothing caught; `draining` when the worker finishes its requests before it exits. */
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

/** What the primary tells a worker beside `shutdown`. */
export type PrimaryMessage =
  /** You listen: will you say when you are ready, and do you drain? */
  | { readonly productionize: 'listening?' }
  /** Your replacement serves. */
  | { readonly productionize: 'replaced' };

/** A message of the other side of this protocol, or nothing: the app sends messages of its own. */
export function asOurs<Message extends WorkerMessage | PrimaryMessage>(
  message: unknown,
): Message | undefined {
  const kind = (message as { productionize?: unknown } | null | undefined)?.productionize;
  return typeof kind === 'string' ? (message as Message) : undefined;
}
