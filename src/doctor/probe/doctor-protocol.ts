import type { SyncIoFinding } from '../../middleware/sync-io/sync-report.js';
import type { AppObservation, ProcessObservation } from '../observations.js';

/** The variable with the mode of the examination. The app does not see it. */
export const doctorVariable = 'EXPRESS_PRODUCTIONIZE_DOCTOR';

const messageType = 'express-productionize:doctor';

/** What the doctor requests from the app, over the channel of a forked process. */
export type Query = 'observe' | 'sync calls' | 'throw';

export interface Inside {
  readonly app: AppObservation | null;
  readonly process: ProcessObservation;
  /** Paths of routes without a parameter that respond to GET. */
  readonly paths: readonly string[];
  /** A path with a parameter that Express cannot decode, so that it calls the error handlers and no handler. */
  readonly malformedPath: string | null;
}

export interface Results {
  observe: Inside;
  'sync calls': readonly SyncIoFinding[];
  throw: null;
}

export type DoctorMessage =
  | { readonly type: typeof messageType; readonly kind: 'listening'; readonly port: number }
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
