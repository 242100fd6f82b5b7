import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { contextOf } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import { isPromise } from '../../support/is-promise.js';
import {
  type Body,
  isBody,
  type OwnFunctions,
  type ResponseWatcher,
  type WriteCallback,
} from '../../support/response-hooks.js';
import { BodyCollector, byteLength } from './body-collector.js';
import type { CacheParts } from './cache-parts.js';
import { addCacheStatus } from './cache-status.js';
import type { Leader } from './coalesced-requests.js';
import { becomeNotModified, DeferredConditions } from './deferred-conditions.js';
import { hitForPassKey, type Miss } from './exchange.js';
import { storeResponse } from './response-storage.js';
import { sendStoredResponse } from './send-stored-response.js';
import { type Refusal, type Storable, storability } from './storability.js';
import type { StoredResponse } from './stored-response.js';
import { tagsOf } from './tags.js';

const debug = debugFor('cache');

/** Errors that a stale response may replace (RFC 5861 section 4). */
const failures = new Set([500, 502, 503, 504]);

/** The users of a response other than its own client. */
export interface CaptureRole {
  /** Set when other requests wait for the response. */
  readonly leader?: Leader | undefined;
  /** Ends the lease of this process on the key. */
  readonly endLease?: (() => void) | undefined;
  /** Why the response is not stored, regardless of its headers. */
  readonly unstored?: string;
}

type CapturingParts = Pick<CacheParts, 'settings' | 'store' | 'hitForPass' | 'purges' | 'variants' | 'hooks'>;

/** Captures the response of a handler while it is sent, and stores it if that is allowed. */
export class ResponseCapture implements ResponseWatcher {
  readonly #own: OwnFunctions;
  readonly #parts: CapturingParts;
  readonly #miss: Miss;
  readonly #leader: Leader | undefined;
  #endLease: (() => void) | undefined;
  readonly #unstored: string | undefined;
  /** The headers that were set before the cache. */
  readonly #outer: OutgoingHttpHeaders;
  readonly #purgeMark: number;

  readonly #conditions: DeferredConditions | undefined;
  #status = 0;
  /** Set while the client has received its 304 and the handler still writes the body. */
  #endLater: OwnFunctions['end'] | undefined;
  #hasTrailers = false;
  #storable: Storable | undefined;
  #body: BodyCollector | undefined;
  #contentLength: number | undefined;
  #tags: readonly string[] = [];
  /** Whether the stored response is outdated by this one, which may not be stored. */
  #outdatesStored = false;
  #over = false;

  constructor(parts: CapturingParts, miss: Miss, { leader, endLease, unstored }: CaptureRole) {
    const { req, res } = miss.exchange;
    this.#parts = parts;
    this.#miss = miss;
    this.#leader = leader;
    this.#endLease = endLease;
    this.#unstored = unstored;
    this.#outer = { ...res.getHeaders() };
    this.#purgeMark = parts.purges.mark;
    this.#own = parts.hooks.watch(res, this);
    if (leader === undefined) return;
    this.#conditions = new DeferredConditions(req);
    // When the client disconnects, another request becomes the leader. The response is still stored.
    res.on('close', () => {
      if (!this.#over) leader.fail();
    });
  }

  onHead(status: number, body: Body | undefined, charset: BufferEncoding | undefined): void {
    if (this.#over) return;
    const whole = body !== undefined;
    const { exchange, stale, forwarded } = this.#miss;
    const { res } = exchange;
    const now = Date.now();
    this.#status = status;
    this.#conditions?.restore();
    if (stale !== undefined && failures.has(status) && now < stale.head.errorUntil) {
      this.#sendStale(stale, status, now);
      this.#own.discard();
      return;
    }
    const headers = res.getHeaders();
    const declared = headers['content-length'];
    this.#contentLength = declared === undefined ? undefined : Number(declared);
    const storable = this.#storableOf(headers, whole ? byteLength(body, charset) : undefined);
    if (storable !== undefined) {
      this.#storable = storable;
      this.#body = new BodyCollector(this.#parts.settings.maxEntryBytes);
    }
    if (this.#parts.settings.cacheStatus) {
      const isStored = storable !== undefined && (whole || declared !== undefined) && !this.#isChangedLater();
      const stored = isStored ? '; stored' : '';
      const detail = this.#unstored === undefined ? '' : `; detail=${this.#unstored}`;
      addCacheStatus(res, `fwd=${forwarded}${stored}${detail}`);
    }
    if (this.#conditions?.isNotModified(status, headers) !== true) return;
    becomeNotModified(res);
    if (whole || storable === undefined) this.#own.end.call(res);
    else {
      // The response stays open, because a piped source would stop otherwise.
      this.#endLater = this.#own.end;
      res.flushHeaders();
    }
    this.#own.discard();
  }

  /** `length` is that of the whole body, if it is known. */
  #storableOf(headers: OutgoingHttpHeaders, length: number | undefined): Storable | undefined {
    if (this.#unstored !== undefined) return undefined;
    const verdict = this.#judge(headers);
    if (!('refused' in verdict)) {
      const [reason, how] = this.#refusal(length) ?? [];
      if (reason === undefined) return verdict;
      this.#giveUp(reason, how as 'fail' | 'release');
      return undefined;
    }
    // A 304 does not show whether the whole response can be shared.
    if (this.#status >= 500 || this.#status === 304) this.#giveUp(verdict.refused, 'fail');
    else {
      this.#outdatesStored = !this.#miss.hasCredentials;
      this.#giveUp(verdict.refused, 'release');
    }
    return undefined;
  }

  /** Why a response is not stored although its headers allow it, as far as that is known before it is sent. */
  #refusal(length: number | undefined): [reason: string, how: 'fail' | 'release'] | undefined {
    const { settings, purges } = this.#parts;
    const { exchange, target } = this.#miss;
    if (length !== undefined && length > settings.maxEntryBytes) return ['it is too large', 'release'];
    if (this.#hasWrongLength(length)) return ['its length differs from Content-Length', 'fail'];
    const tags = tagsOf(exchange.req, exchange.res, settings.tags);
    if (tags === undefined) return ['its tags could not be read', 'release'];
    this.#tags = tags;
    if (purges.purgedSince(this.#purgeMark, target.key, tags))
      return ['it was purged while the handler ran', 'fail'];
    return undefined;
  }

  #hasWrongLength(length: number | undefined): boolean {
    const hasBody = this.#status !== 204;
    return (
      hasBody && length !== undefined && this.#contentLength !== undefined && this.#contentLength !== length
    );
  }

  #judge(headers: OutgoingHttpHeaders): Storable | Refusal {
    const { exchange, hasCredentials } = this.#miss;
    const { req, res } = exchange;
    return storability(
      {
        status: this.#status,
        message: (req.httpVersionMajor < 2 && res.statusMessage) || undefined,
        headers,
        names: writtenNames(res),
        outer: this.#outer,
        hasCredentials,
        route: contextOf(req)?.route,
      },
      this.#parts.settings,
    );
  }

  /** Sends a stale response instead of an error. */
  #sendStale(stale: StoredResponse, status: number, now: number): void {
    const { req, res } = this.#miss.exchange;
    for (const name of res.getHeaderNames()) {
      const before = this.#outer[name];
      if (before === undefined) res.removeHeader(name);
      else if (before !== res.getHeader(name)) res.setHeader(name, before);
    }
    const state = this.#parts.settings.cacheStatus
      ? `fwd=stale; fwd-status=${status}; detail=stale-if-error`
      : undefined;
    this.#giveUp(`its status is ${status}, a stale response is sent instead`, 'fail');
    if (req.httpVersionMajor < 2) res.statusMessage = '';
    sendStoredResponse(req, res, stale, now, state, this.#own.end as never);
  }

  onWrite(chunk: Body, charset?: BufferEncoding, callback?: WriteCallback): boolean {
    this.#take(chunk, charset);
    return this.#own.write.call(this.#miss.exchange.res, chunk, charset, callback);
  }

  onEnd(chunk?: Body | null, charset?: BufferEncoding, callback?: () => void): void {
    if (chunk != null && isBody(chunk)) this.#take(chunk, charset);
    this.#own.end.call(this.#miss.exchange.res, chunk, charset, callback);
    this.#complete();
  }

  #take(chunk: Body, charset: BufferEncoding | undefined): void {
    if (this.#body === undefined || this.#body.add(chunk, charset)) return;
    this.#giveUp('it is too large', 'release');
  }

  #complete(): void {
    if (this.#over) return;
    this.#over = true;
    const { exchange, lookup } = this.#miss;
    this.#endLater?.call(exchange.res);
    if (this.#outdatesStored && lookup.entry !== undefined) void this.#parts.store.purge({ key: lookup.key });
    const body = this.#body?.whole();
    const storable = this.#storable;
    if (storable === undefined || body === undefined) return;
    if (this.#hasWrongLength(body.length)) {
      this.#giveUp('its length differs from Content-Length', 'fail');
    } else if (this.#hasTrailers) this.#giveUp('it has trailers', 'release');
    else if (!this.#isWhatWasSent(storable)) {
      this.#giveUp('an earlier middleware changed it after the cache', 'release');
    } else this.#store(storable, body);
  }

  /**
   * Whether the headers that were sent allow to store the response. Middleware mounted before the cache, such as
   * sessions, sets headers in `writeHead`, after the cache has read them.
   */
  #isWhatWasSent({ vary }: Storable): boolean {
    const { res } = this.#miss.exchange;
    // After a disconnect no head is sent. Then the response is stored only with an original writeHead.
    if (!res.headersSent && !(res.destroyed && hasOwnHead(res, this.#own.writeHead))) return false;
    const sent = this.#judge(res.getHeaders());
    if ('refused' in sent) return false;
    return sent.vary.every((field) => field === 'accept-encoding' || vary.includes(field));
  }

  #store(storable: Storable, body: Buffer): void {
    const { purges, hitForPass } = this.#parts;
    const { exchange, target, lookup } = this.#miss;
    const tags = this.#tags;
    const isPurged = () => purges.purgedSince(this.#purgeMark, target.key, tags);
    if (isPurged()) {
      this.#giveUp('it was purged while the handler ran', 'fail');
      return;
    }
    const complete = { storable, body, tags, isPurged };
    const { key } = target;
    const { result, stored } = storeResponse(this.#parts, exchange.req, key, lookup.marker, complete);
    hitForPass.delete(hitForPassKey(this.#miss));
    this.#leader?.succeed(result, stored);
    const endLease = this.#endLease;
    if (endLease === undefined) return;
    if (isPromise(stored)) void stored.then(endLease);
    else endLease();
  }

  /** Whether middleware that was mounted before the cache may still set a header, such as a cookie. */
  #isChangedLater(): boolean {
    return this.#parts.hooks.hasForeignHead(this.#miss.exchange.res);
  }

  onTrailers(): void {
    this.#hasTrailers = true;
  }

  onRefused(): void {
    this.onDestroy();
  }

  onDestroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.#giveUp('the connection was closed before its end', 'fail');
  }

  #giveUp(reason: string, how: 'fail' | 'release'): void {
    const { req } = this.#miss.exchange;
    debug(() => ['%s %s: not stored, %s', req.method, req.url, reason]);
    this.#storable = undefined;
    this.#body = undefined;
    if (how === 'release') {
      this.#parts.hitForPass.add(hitForPassKey(this.#miss));
      this.#leader?.release();
    } else this.#leader?.fail();
    this.#endLease?.();
    this.#endLease = undefined;
  }
}

function hasOwnHead(res: ServerResponse, writeHead: unknown): boolean {
  return writeHead === Object.getPrototypeOf(res).writeHead;
}

/** The names of headers in their original case. In HTTP/2 all names are in lower case. */
function writtenNames(res: ServerResponse): string[] {
  return (res as { getRawHeaderNames?(): string[] }).getRawHeaderNames?.() ?? res.getHeaderNames();
}
