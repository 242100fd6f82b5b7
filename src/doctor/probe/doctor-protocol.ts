import type { SyncIoFinding } from '../../middleware/sync-io/sync-report.js';
import type { LoopLoad } from '../measured.js';
import type { AppObservation, ProcessObservation } from '../observations.js';

/** The variable with the mode of the examination. The app does not see it. */
export const doctorVariable = 'EXPRESS_PRODUCTIONIZE_DOCTOR';

const messageType = 'express-productionize:doctor';

/** What the doctor requests from the app, over the channel of a forked process. */
export type Query =
  | 'observe'
  | 'app site'
  | 'sync calls'
  | 'traffic'
  | 'abort streams'
  | 'fail streams'
  | 'open files'
  | 'throw'
  | 'listen'
  | 'load starts'
  | 'load ends';

/** A route of the app with a path that is no pattern. It may have parameters. */
export interface RequestedRoute {
  readonly method: string;
  readonly path: string;
}

/** The server that is examined, on 127.0.0.1. */
export interface ExaminedServer {
  readonly port: number;
  readonly encrypted: boolean;
  /** The address that the app requested, such as `port 3000`; `null` where the app does not listen itself. */
  readonly requested: string | null;
}

export interface Inside {
  readonly app: AppObservation | null;
  readonly process: ProcessObservation;
  readonly routes: readonly RequestedRoute[];
  readonly server: ExaminedServer;
  /** The addresses of servers that are not examined. */
  readonly otherServers: readonly string[];
  /** Paths of some files that the app serves from directories. */
  readonly staticPaths: readonly string[];
}

/** The place where an app was created. */
export interface AppSite {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly productionized: boolean;
}

/** What the requests so far have shown inside the app. */
export interface Traffic {
  /** URLs whose responses were piped from a stream. */
  readonly pipedUrls: readonly string[];
  /** Whether OpenTelemetry had a current span in a request. */
  readonly hadSpan: boolean;
}

export interface Results {
  observe: Inside;
  'app site': AppSite | null;
  'sync calls': readonly SyncIoFinding[];
  traffic: Traffic;
  'abort streams': null;
  'fail streams': null;
  'open files': Readonly<Record<string, number>> | null;
  throw: null;
  /** Whether there is an app to listen for. */
  listen: boolean;
  'load starts': null;
  'load ends': LoopLoad;
}

export type DoctorMessage =
  | { readonly type: typeof messageType; readonly kind: 'listening' | 'worker ended' }
  | { readonly type: typeof messageType; readonly kind: 'query'; readonly query: Query }
  | {
      readonly type: typeof messageType;
      readonly kind: 'result';
      readonly query: Query;
      readonly result: Results[Query];
    };

type WithoutType<Message> = Message extends unknown ? Omit<Message, 'type'> : never;

export function doctorMessage(message: WithoutType<DoctorMessage>): DoctorMessage {
  return { type: messageType, ...message } as DoctorMessage;
}

export function isDoctorMessage(message: unknown): message is DoctorMessage {
  return (Object(message) as Partial<DoctorMessage>).type === messageType;
}
