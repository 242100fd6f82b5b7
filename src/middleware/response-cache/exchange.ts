import type { IncomingMessage, ServerResponse } from 'node:http';
import { isClosed } from '../../support/response-state.js';
import type { Target } from './cache-key.js';
import type { Forwarded } from './cache-status.js';
import type { Lookup } from './response-storage.js';
import type { StoredResponse } from './stored-response.js';

/** Passes a request on to its handler; `more` is handed through, so that this needs no closure per request. */
export type Proceed = (req: IncomingMessage, res: ServerResponse, more: unknown) => void;

/** A request and its response on their way through a cache. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly proceed: Proceed;
  readonly more: unknown;
  /** How often the store was asked. */
  lookups: number;
}

/** A request that the store has no usable response for. */
export interface Miss {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly lookup: Lookup;
  readonly forwarded: Forwarded;
  /** What may be sent where the handler fails. */
  readonly stale: StoredResponse | undefined;
  /** Whether the request has credentials that are no part of the key. */
  readonly hasCredentials: boolean;
}

/** The key under which hit-for-pass is remembered: requests with credentials apart from the rest. */
export function hitForPassKey({ target, hasCredentials }: Miss): string {
  return hasCredentials ? `${target.key}credentials` : target.key;
}

/** Whether somebody still waits for a response. */
export function isOpen(res: ServerResponse): boolean {
  return !isClosed(res) && !res.headersSent && !res.writableEnded;
}
