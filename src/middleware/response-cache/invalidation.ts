import type { ServerResponse } from 'node:http';
import type { ResponseWatcher } from '../../support/response-hooks.js';
import { type QueryRule, relatedKey } from './cache-key.js';

/** The safe methods (RFC 9110 section 9.2.1 and the registry of methods). */
const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);

export function isSafe(method: string | undefined): boolean {
  return safe.has(method ?? 'GET');
}

/**
 * Watches the response to an unsafe method. If it is no error, the stored responses of the URL and of the URLs in
 * `Location` and `Content-Location` are invalidated (RFC 9111 section 4.4). The invalidation starts before the response
 * is sent.
 */
export class Invalidation implements ResponseWatcher {
  readonly #res: ServerResponse;
  readonly #key: string;
  readonly #query: QueryRule;
  readonly #invalidate: (key: string) => void;

  constructor(res: ServerResponse, key: string, query: QueryRule, invalidate: (key: string) => void) {
    this.#res = res;
    this.#key = key;
    this.#query = query;
    this.#invalidate = invalidate;
  }

  onHead(status: number): void {
    if (status >= 400) return;
    this.#invalidate(this.#key);
    for (const name of ['location', 'content-location']) {
      const location = this.#res.getHeader(name);
      if (location === undefined) continue;
      const key = relatedKey(this.#key, String(location), this.#query);
      if (key !== undefined && key !== this.#key) this.#invalidate(key);
    }
  }
}
