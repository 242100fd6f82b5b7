import type { IncomingMessage } from 'node:http';
import type { Answer } from '../../../helpers/serve.js';

/** The response of the origin to one call. `{base}` in a header stands for the path of the rule, `{host}` for its host. */
export interface Origin {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** @default a text with the number of the call */
  readonly body?: string;
  /**
   * By `res.end`, by Express's `res.send`, with the headers in `writeHead`, in pieces, interrupted midway, or a throw.
   * @default 'end'
   */
  readonly by?: 'end' | 'send' | 'writeHead' | 'pieces' | 'cut' | 'throw';
}

/** One request and its expected result. */
export interface Step {
  /** Seconds since the first request. @default that of the request before */
  readonly at?: number;
  /** @default 'GET' */
  readonly method?: string;
  /** The URL after the path of the rule. @default '' */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;

  /** The number of the origin's call whose response is expected; omitted for a 304 or an error of the cache. */
  readonly from?: number;
  /** The calls of the origin so far, including one in the background. @default those before, or `from` */
  readonly calls?: number;
  /** The expected status, or several that are allowed. @default 200 */
  readonly status?: number | readonly number[];
  /** Headers of the response; `undefined` means that there is none. */
  readonly has?: Readonly<Record<string, string | RegExp | undefined>>;
  /** The body of the response, if it is not that of the origin. */
  readonly text?: string;
  /** Further checks; `now` is the time on the clock of the cache, in milliseconds. */
  readonly check?: (response: Answer, now: number) => void;
}

/** A rule of a standard, with the requests that prove it. */
export interface Rule {
  /** The RFC and its section. */
  readonly section: string;
  readonly title: string;
  /** The responses of the origin in turn; the last one is repeated. */
  readonly origin: Origin | readonly Origin[] | ((req: IncomingMessage, call: number) => Origin);
  readonly steps: readonly Step[];
}

/** A response with this `Cache-Control`, and other headers. */
export function withCacheControl(
  cacheControl: string | readonly string[],
  headers: Origin['headers'] = {},
): Origin {
  return { headers: { 'cache-control': cacheControl, ...headers } };
}

/** Two requests, of which the second is served by the cache. */
export const hits: readonly Step[] = [{ from: 1 }, { at: 1, from: 1 }];

/** Two requests, which are both forwarded to the origin. */
export const misses: readonly Step[] = [{ from: 1 }, { at: 1, from: 2 }];

/** The time of the first request of a rule. */
export const start = Date.UTC(2031, 0, 1, 12);

export function httpDate(seconds: number): string {
  return new Date(start + seconds * 1000).toUTCString();
}
