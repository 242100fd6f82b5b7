import type { ServerResponse } from 'node:http';
import type {
  Body,
  OwnFunctions,
  ResponseHooks,
  ResponseWatcher,
  WriteCallback,
} from '../../support/response-hooks.js';
import { type QueryRule, relatedKey } from './cache-key.js';
import { HeldResponse } from './held-response.js';

/** Purges these keys. Returns a promise that resolves at the time limit at the latest, or `undefined` when it is done. */
type Invalidate = (keys: readonly string[]) => Promise<unknown> | undefined;

/** The safe methods (RFC 9110 section 9.2.1 and the registry of methods). */
const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);

export function isSafe(method: string | undefined): boolean {
  return safe.has(method ?? 'GET');
}

/**
 * Watches the response to an unsafe method. If it is no error, the stored responses of the URL and of the URLs in
 * `Location` and `Content-Location` are invalidated (RFC 9111 section 4.4). While the store is purging, the response is
 * held. A client that has received it can then read no response from before its own request, from any process.
 */
export class Invalidation implements ResponseWatcher {
  readonly #res: ServerResponse;
  readonly #key: string;
  readonly #query: QueryRule;
  readonly #invalidate: Invalidate;
  readonly #own: OwnFunctions;
  #held: HeldResponse | undefined;

  constructor(
    hooks: ResponseHooks<ResponseWatcher>,
    res: ServerResponse,
    key: string,
    query: QueryRule,
    invalidate: Invalidate,
  ) {
    this.#res = res;
    this.#key = key;
    this.#query = query;
    this.#invalidate = invalidate;
    this.#own = hooks.watch(res, this);
    const { flushHeaders } = res;
    res.flushHeaders = () => {
      if (!res.headersSent) res.writeHead(res.statusCode);
      if (this.#held) this.#held.flushHeaders(() => flushHeaders.call(res));
      else flushHeaders.call(res);
    };
  }

  onHead(status: number): void {
    if (status >= 400 || this.#held) return;
    const purged = this.#invalidate([...this.#keys()]);
    if (purged === undefined) return;
    this.#held = new HeldResponse(this.#res, this.#own, purged, () => {
      this.#held = undefined;
    });
  }

  onWrite(chunk: Body, charset?: BufferEncoding, callback?: WriteCallback): boolean {
    return this.#held
      ? this.#held.write(chunk, charset, callback)
      : this.#own.write.call(this.#res, chunk, charset, callback);
  }

  onEnd(chunk?: Body | null, charset?: BufferEncoding, callback?: () => void): void {
    if (this.#held) this.#held.end(chunk, charset, callback);
    else this.#own.end.call(this.#res, chunk, charset, callback);
  }

  *#keys(): Generator<string> {
    yield this.#key;
    for (const name of ['location', 'content-location']) {
      const location = this.#res.getHeader(name);
      if (location === undefined) continue;
      const key = relatedKey(this.#key, String(location), this.#query);
      if (key !== undefined && key !== this.#key) yield key;
    }
  }
}
