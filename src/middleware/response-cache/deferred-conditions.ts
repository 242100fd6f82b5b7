import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { isNotModified } from './send-stored-response.js';

const conditions = ['if-none-match', 'if-modified-since'] as const;
const bodyHeaders = ['Content-Type', 'Content-Length', 'Transfer-Encoding'];

/**
 * Removes the conditions of a request, so that its handler produces a whole response for the requests that wait. The
 * conditions are evaluated when the headers of that response are complete.
 */
export class DeferredConditions {
  readonly #req: IncomingMessage;
  #hidden: IncomingHttpHeaders | undefined;

  constructor(req: IncomingMessage) {
    this.#req = req;
    const { headers } = req;
    for (const name of conditions) {
      if (headers[name] === undefined) continue;
      this.#hidden ??= { 'cache-control': headers['cache-control'] };
      this.#hidden[name] = headers[name];
      delete headers[name];
    }
  }

  /** Whether the request had conditions. */
  get areHidden(): boolean {
    return this.#hidden !== undefined;
  }

  restore(): void {
    if (this.#hidden === undefined) return;
    for (const name of conditions) {
      if (this.#hidden[name] !== undefined) this.#req.headers[name] = this.#hidden[name];
    }
  }

  /** Whether the conditions match the validators of the response. */
  isNotModified(status: number, headers: OutgoingHttpHeaders): boolean {
    return (
      this.#hidden !== undefined &&
      isNotModified(this.#hidden, status, textOf(headers.etag), textOf(headers['last-modified']))
    );
  }
}

/** Changes a response with complete headers to a 304. */
export function becomeNotModified(res: ServerResponse): void {
  res.statusCode = 304;
  for (const name of bodyHeaders) if (res.hasHeader(name)) res.removeHeader(name);
}

function textOf(header: OutgoingHttpHeaders[string]): string | undefined {
  return header === undefined ? undefined : String(header);
}
