import type { ServerResponse } from 'node:http';
import type { CacheCore } from './cache-core.js';
import { relatedKey } from './cache-key.js';
import { ownFunctions, type Watcher } from './response-hooks.js';

/** Methods that change nothing (RFC 9110 section 9.2.1 and the registry of methods). */
const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);

export function isSafe(method: string | undefined): boolean {
  return safe.has(method ?? 'GET');
}

/**
 * Watches the answer to an unsafe method. When it is no error, what is stored for the URL goes, and for those of the same
 * origin that the answer names (RFC 9111 section 4.4); before the answer leaves, so that its client sees the change.
 */
export class Invalidation implements Watcher {
  readonly own;
  readonly #core: CacheCore;
  readonly #res: ServerResponse;
  readonly #key: string;

  constructor(core: CacheCore, res: ServerResponse, key: string) {
    this.own = ownFunctions(res);
    this.#core = core;
    this.#res = res;
    this.#key = key;
  }

  onHead(status: number): boolean {
    if (status >= 400) return false;
    this.#core.drop(this.#key);
    for (const name of ['location', 'content-location']) {
      const location = this.#res.getHeader(name);
      if (location === undefined) continue;
      const key = relatedKey(this.#key, String(location), this.#core.settings.query);
      if (key !== undefined && key !== this.#key) this.#core.drop(key);
    }
    return false;
  }

  take(): void {}

  onEnd(): void {}

  onDestroy(): void {}
}
