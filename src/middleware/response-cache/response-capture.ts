import { ReadStream } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { debugFor } from '../../support/debug.js';
import { isPromise } from '../../support/is-promise.js';
import {
  type Body,
  byteLength,
  isBody,
  type OwnFunctions,
  type ResponseWatcher,
  type WriteCallback,
} from '../../support/response-hooks.js';
import { BodyCollector } from './body-collector.js';
import type { CacheParts } from './cache-parts.js';
import { addCacheStatus } from './cache-status.js';
import type { Leader } from './coalesced-requests.js';
import { becomeNotModified, DeferredConditions } from './deferred-conditions.js';
import { hitForPassKey, type Miss } from './exchange.js';
import { storeResponse } from './response-storage.js';
import { sendStoredResponse } from './send-stored-response.js';
import type { Storable } from './storability.js';
import { type NotStored, StorageCheck } from './storage-check.js';
import type { StoredResponse } from './stored-response.js';

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
  readonly #check: StorageCheck;
  readonly #conditions: DeferredConditions | undefined;
  /** Set while the response is a 304 and the handler still writes the body. */
  #endLater: OwnFunctions['end'] | undefined;
  /** The source of the body, such as the file of `res.sendFile`. */
  #source: Readable | undefined;
  #hasTrailers = false;
  #storable: Storable | undefined;
  #body: BodyCollector | undefined;
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
    this.#check = new StorageCheck(parts, miss);
    this.#own = parts.hooks.watch(res, this);
    if (leader === undefined) return;
    this.#conditions = new DeferredConditions(req);
    if (this.#conditions.areHidden) {
      res.once('pipe', (source: Readable) => {
        this.#source = source;
      });
    }
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
    this.#conditions?.restore();
    if (stale !== undefined && failures.has(status) && now < stale.head.errorUntil) {
      this.#sendStale(stale, status, now);
      this.#own.discard();
      return;
    }
    const headers = res.getHeaders();
    const storable = this.#storableOf(status, headers, whole ? byteLength(body, charset) : undefined);
    if (storable !== undefined) {
      this.#storable = storable;
      this.#body = new BodyCollector(this.#parts.settings.maxEntryBytes);
    }
    if (this.#parts.settings.cacheStatus) {
      const hasLength = whole || headers['content-length'] !== undefined;
      // Middleware that was mounted before the cache may still set a header, such as a cookie.
      const isStored = storable !== undefined && hasLength && !this.#parts.hooks.hasForeignHead(res);
      const stored = isStored ? '; stored' : '';
      const detail = this.#unstored === undefined ? '' : `; detail=${this.#unstored}`;
      addCacheStatus(res, `fwd=${forwarded}${stored}${detail}`);
    }
    if (this.#conditions?.isNotModified(status, headers) !== true) return;
    becomeNotModified(res);
    const isShort = Number(headers['content-length']) <= this.#parts.settings.maxEntryBytes;
    if (whole || (storable === undefined && !isShort && !endFile(this.#source))) this.#own.end.call(res);
    else {
      // The response stays open, because a piped source would stop otherwise. Its headers are sent at the end, because
      // some clients close the connection then.
      this.#endLater = this.#own.end;
      res.cork?.();
      res.flushHeaders();
    }
    this.#own.discard();
  }

  #storableOf(
    status: number,
    headers: OutgoingHttpHeaders,
    length: number | undefined,
  ): Storable | undefined {
    if (this.#unstored !== undefined) return undefined;
    const verdict = this.#check.atHead(status, headers, length);
    if (!('refused' in verdict)) return verdict;
    this.#outdatesStored ||= verdict.outdates === true;
    this.#giveUp(verdict);
    return undefined;
  }

  /** Sends a stale response instead of an error. */
  #sendStale(stale: StoredResponse, status: number, now: number): void {
    const { req, res } = this.#miss.exchange;
    for (const name of res.getHeaderNames()) {
      const before = this.#check.outer[name];
      if (before === undefined) res.removeHeader(name);
      else if (before !== res.getHeader(name)) res.setHeader(name, before);
    }
    const state = this.#parts.settings.cacheStatus
      ? `fwd=stale; fwd-status=${status}; detail=stale-if-error`
      : undefined;
    this.#giveUp({ refused: `its status is ${status}, a stale response is sent instead`, how: 'fail' });
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
    this.#giveUp({ refused: 'it is too large', how: 'release' });
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
    const hasOriginalHead = this.#own.writeHead === Object.getPrototypeOf(exchange.res).writeHead;
    const refusal = this.#check.atEnd(storable, body.length, this.#hasTrailers, hasOriginalHead);
    if (refusal !== undefined) this.#giveUp(refusal);
    else this.#store(storable, body);
  }

  #store(storable: Storable, body: Buffer): void {
    const { exchange, target, lookup } = this.#miss;
    const isPurged = () => this.#check.isPurged();
    const complete = { storable, body, tags: this.#check.tags, isPurged };
    const { key } = target;
    const { result, stored } = storeResponse(this.#parts, exchange.req, key, lookup.marker, complete);
    this.#parts.hitForPass.delete(hitForPassKey(this.#miss));
    this.#leader?.succeed(result, stored);
    const endLease = this.#endLease;
    if (endLease === undefined) return;
    if (isPromise(stored)) void stored.then(endLease);
    else endLease();
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
    this.#giveUp({ refused: 'the connection was closed before its end', how: 'fail' });
  }

  #giveUp({ refused, how }: NotStored): void {
    const { req } = this.#miss.exchange;
    debug(() => ['%s %s: not stored, %s', req.method, req.url, refused]);
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

/**
 * Ends a file that is sent, so that it is not read as a whole. The callback of `res.sendFile` receives an error if the
 * response ends before the file. Returns false for other sources, and for a file that is also read elsewhere.
 */
function endFile(source: Readable | undefined): boolean {
  if (!(source instanceof ReadStream) || source.listenerCount('data') !== 1) return false;
  source.push(null);
  return true;
}
