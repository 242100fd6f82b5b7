import type { ListenAddress, WorkerState } from './cluster-worker.js';

/** How the names of directories begin that clients make for files of workers, beside the control socket. */
export const filesPrefix = 'files-';

/** A request to a cluster, as one line of JSON. */
export type ControlRequest =
  | { readonly command: 'status' }
  /** With the milliseconds until each new worker must be ready, instead of those of the cluster. */
  | { readonly command: 'reload'; readonly startMs?: number }
  | { readonly command: 'scale'; readonly workers: number | 'max' }
  | { readonly command: 'stop' }
  /** Replaces one worker, which writes a heap snapshot to a new file within the milliseconds after its drain. */
  | {
      readonly command: 'snapshot';
      readonly worker: number;
      readonly file: string;
      readonly limitMs: number;
    }
  /** Requests the metrics of all workers as one text, in the format of Prometheus. */
  | { readonly command: 'metrics' }
  /** Requests a task of one worker, by its id, or of all that are not starting. */
  | {
      readonly command: 'task';
      readonly name: string;
      readonly argument?: unknown;
      readonly worker?: number;
      readonly limitMs: number;
    };

/** The result of a task in one worker; `error` has the reason where it failed. */
export interface TaskResult {
  readonly worker: number;
  readonly pid: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** The response of a cluster, as one line of JSON. */
export type ControlResponse =
  | {
      readonly ok: true;
      readonly message: string;
      readonly status: ClusterStatus;
      /** The results of a task, one for each worker that received it. */
      readonly results?: readonly TaskResult[];
    }
  | { readonly ok: false; readonly message: string };

/** The state of one worker. */
export interface WorkerStatus {
  readonly id: number;
  readonly pid: number;
  readonly state: WorkerState;
  readonly uptimeMs: number;
  /** Milliseconds since its last heartbeat; `null` before the first. */
  readonly beatAgeMs: number | null;
  readonly rssBytes: number | null;
  /** The utilization of its event loop in the last second, 0 to 1. */
  readonly utilization: number | null;
  readonly inFlight: number | null;
  readonly addresses: readonly ListenAddress[];
  /** The enabled parts of its app, where the preload reported them. */
  readonly parts: readonly string[];
}

/** The state of a cluster, as `express-productionize status` prints it. */
export interface ClusterStatus {
  /** The process id of the primary. */
  readonly pid: number;
  /** The name that was given to the cluster. */
  readonly name: string | null;
  readonly script: string;
  /** The directory of the library that the primary has loaded; empty inside a bundle. */
  readonly library: string;
  readonly uptimeMs: number;
  /** The intended number of workers, and how many of them are ready. */
  readonly target: number;
  readonly ready: number;
  readonly reloading: boolean;
  readonly stopping: boolean;
  /** Workers that died since the start without a request to exit. */
  readonly deaths: number;
  readonly workers: readonly WorkerStatus[];
}

/** Whether a host stands for all addresses of the machine. */
export function isEveryHost(host: string | null): host is null {
  return host === null || host === '0.0.0.0' || host === '::';
}

export const longestLine = 65_536;
