import type { IncomingMessage } from 'node:http';
import type { Answer } from '../../../helpers/serve.js';

/** What the origin answers one call with. `{base}` in a header stands for the path of the rule, `{host}` for its host. */
export interface Origin {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** @default one that names the call */
  readonly body?: string;
  /**
   * By `res.end`, by Express's `res.send`, with the headers in `writeHead`, in pieces, broken off midway, or a throw.
   * @default 'end'
   */
  readonly by?: 'end' | 'send' | 'writeHead' | 'pieces' | 'cut' | 'throw';
}

/** One request, and what has to come of it. */
export interface Ask {
  /** Seconds since the first request. @default that of the request before */
  readonly at?: number;
  /** @default 'GET' */
  readonly method?: string;
  /** What follows the path of the rule. @default '' */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;

  /** The answer is that of the origin's nth call. Left out where the answer is nobody's: a 304, an error. */
  readonly from?: number;
  /** Calls of the origin until then, one in the background included. @default those before, or `from` */
  readonly calls?: number;
  /** One status, or several that are all right. @default 200 */
  readonly status?: number | readonly number[];
  /** Headers of the answer; `undefined` says there is none. */
  readonly has?: Readonly<Record<string, string | RegExp | undefined>>;
  /** The body of the answer, where it is not that of the origin. */
  readonly text?: string;
  /** More that the answer has to be; `now` is the time on the cache's clock, in milliseconds. */
  readonly check?: (answer: Answer, now: number) => void;
}

/** A rule of a standard, as the requests that show it. */
export interface Rule {
  /** The RFC and its section. */
  readonly section: string;
  readonly title: string;
  /** The answers of the origin in turn; the last one stays. */
  readonly origin: Origin | readonly Origin[] | ((req: IncomingMessage, call: number) => Origin);
  readonly asks: readonly Ask[];
}

/** An answer with this `Cache-Control`, and other headers. */
export function says(cacheControl: string | readonly string[], headers: Origin['headers'] = {}): Origin {
  return { headers: { 'cache-control': cacheControl, ...headers } };
}

/** Two requests, of which the second is answered by the cache. */
export const kept: readonly Ask[] = [{ from: 1 }, { at: 1, from: 1 }];

/** Two requests, both for the origin. */
export const notKept: readonly Ask[] = [{ from: 1 }, { at: 1, from: 2 }];

/** The clock at the first request of a rule, and the text of moments around it. */
export const start = Date.UTC(2031, 0, 1, 12);

export function httpDate(seconds: number): string {
  return new Date(start + seconds * 1000).toUTCString();
}
