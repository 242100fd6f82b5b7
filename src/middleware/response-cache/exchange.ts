import type { IncomingMessage, ServerResponse } from 'node:http';
import { isClosed } from '../../support/response-state.js';
import type { Target } from './cache-key.js';
import type { Forwarded } from './cache-status.js';
import type { Lookup } from './response-storage.js';
import type { StoredResponse } from './stored-response.js';

/** Passes a request on to its handler. `more` is an argument of the caller, which avoids a closure per request. */
export type Proceed = (req: IncomingMessage, res: ServerResponse, more: unknown) => void;

/** A request and its response while the cache handles them. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly proceed: Proceed;
  readonly more: unknown;
  /** The number of lookups in the store. */
  lookups: number;
}

/** A request without a usable stored response. */
export interface Miss {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly lookup: Lookup;
  readonly forwarded: Forwarded;
  /** The stale response that may be sent if the handler fails. */
  readonly stale: StoredResponse | undefined;
  /** Whether the request has credentials that are not part of the key. */
  readonly hasCredentials: boolean;
  readonly obeysDirectives: boolean;
  /** Whether the handler must run, even if a request for the same key is in progress. */
  readonly needsOwnRun: boolean;
}

/** The key for hit-for-pass. Requests with credentials have a separate one. */
export function hitForPassKey({ target, hasCredentials }: Miss): string {
  return hasCredentials ? `${target.key}credentials` : target.key;
}

/** Whether the client is still waiting for a response. */
export function isOpen(res: ServerResponse): boolean {
  return !isClosed(res) && !res.headersSent && !res.writableEnded;
}
