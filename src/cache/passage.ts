import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CacheEntry } from '../cache-store.js';

/** Passes a request on to its handler; `more` is handed through, so that this needs no closure per request. */
export type Proceed = (req: IncomingMessage, res: ServerResponse, more: unknown) => void;

/** A request on its way through a cache. */
export interface Passage {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly proceed: Proceed;
  readonly more: unknown;
}

/** What a look into the store found. */
export interface Found {
  readonly entry: CacheEntry | undefined;
  /** Set where the URL's answers vary, with the key of the variant that was asked for. */
  readonly marker: CacheEntry | undefined;
  readonly key: string;
}

/** Whether somebody still waits for an answer. */
export function isOpen(res: ServerResponse): boolean {
  return !res.closed && !res.destroyed && !res.headersSent && !res.writableEnded;
}
