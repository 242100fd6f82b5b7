import type { IncomingMessage, ServerResponse } from 'node:http';
import { isClosed } from '../../support/response-state.js';
import type { Target } from './cache-key.js';
import type { Forwarded } from './cache-status.js';
import type { CacheEntry } from './cache-store.js';
import type { Stored } from './stored-response.js';

/** Passes a request on to its handler; `more` is handed through, so that this needs no closure per request. */
export type Proceed = (req: IncomingMessage, res: ServerResponse, more: unknown) => void;

/** A request on its way through a cache. */
export interface Passage {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly proceed: Proceed;
  readonly more: unknown;
  /** How often it looked into the store. */
  looks: number;
}

/** What a look into the store found. */
export interface Found {
  readonly entry: CacheEntry | undefined;
  /** Set where the URL's answers vary, with the key of the variant that was asked for. */
  readonly marker: CacheEntry | undefined;
  readonly key: string;
}

/** A request that was not answered from the store. */
export interface Miss {
  readonly passage: Passage;
  readonly target: Target;
  readonly found: Found;
  readonly forwarded: Forwarded;
  /** What may be sent where the handler fails. */
  readonly stale: Stored | undefined;
  /** Whether it has credentials that are no part of the key. */
  readonly credentials: boolean;
}

/** Under which requests are remembered to get answers of their own: those with credentials apart from the rest. */
export function passKeyOf({ target, credentials }: Miss): string {
  return credentials ? `${target.key}credentials` : target.key;
}

/** Whether somebody still waits for an answer. */
export function isOpen(res: ServerResponse): boolean {
  return !isClosed(res) && !res.headersSent && !res.writableEnded;
}
